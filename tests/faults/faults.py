"""The faults of a store, as changes of its answer on the wire."""

import gzip
from collections.abc import Callable
from functools import partial

from tests.support.fault_proxy import Answer

Change = Callable[[Answer], None]
HASH = "x-goog-hash"


def _status(status: int, answer: Answer) -> None:
    answer.status, answer.body = status, b"an error page"


def _set(name: str, value: object, answer: Answer) -> None:
    setattr(answer, name, value)


def _truncate(answer: Answer) -> None:
    answer.sent_bytes = len(answer.body) // 2


def _flip(answer: Answer) -> None:
    """One bit in the middle; the hash header goes on saying what the bytes were."""
    body = bytearray(answer.body)
    if body:
        body[len(body) // 2] ^= 1
    answer.body = bytes(body)


def _without_hash(answer: Answer) -> None:
    answer.headers = [(name, value) for name, value in answer.headers if name.lower() != HASH]


def _wrong_hash(answer: Answer) -> None:
    _without_hash(answer)
    answer.headers.append((HASH, "crc32c=AAAAAA=="))


def _flip_without_hash(answer: Answer) -> None:
    _flip(answer)
    _without_hash(answer)


def _swap(answer: Answer) -> None:
    """Other bytes of the same length, as of an object that was replaced between two requests."""
    answer.body = bytes(reversed(answer.body))
    _without_hash(answer)


def _endless(answer: Answer) -> None:
    answer.endless, answer.body = True, b"x" * 65536


def _huge(answer: Answer) -> None:
    answer.body = b"x" * 64 * 1024 * 1024


def _gzip(answer: Answer) -> None:
    answer.body = gzip.compress(answer.body)
    answer.headers.append(("Content-Encoding", "gzip"))


def _redirect(answer: Answer) -> None:
    answer.status, answer.body = 302, b""
    answer.headers.append(("Location", "/elsewhere"))


FAULTS: dict[str, Change] = {
    **{f"status {status}": partial(_status, status) for status in (403, 404, 408, 429, 500, 503)},
    "connection reset": partial(_set, "reset", True),
    "cut in the middle": _truncate,
    "stalls": partial(_set, "pause_s", 20.0),
    "a byte now and then": partial(_set, "trickle_s", 0.5),
    "a flipped bit": _flip,
    "a flipped bit, no hash header": _flip_without_hash,
    "no hash header": _without_hash,
    "a wrong hash header": _wrong_hash,
    "other bytes of the same length": _swap,
    "no end": _endless,
    "64 MiB": _huge,
    "compressed": _gzip,
    "redirected": _redirect,
}
