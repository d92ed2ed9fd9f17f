"""gzip and zstd: bodies that come compressed, and answers for callers who accept that. Imported when first used."""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Final, Protocol

from predictor.errors import MalformedJson
from predictor.web.problems import HttpProblem
from predictor.web.responses import BytesResponse, RawHeader
from predictor.web.threads import BLOCKING_BODY_BYTES, run_maybe_in_thread

ACCEPTED: Final = b"zstd, gzip"
MAX_WINDOW_LOG: Final = 23
"""Of zstd: 8 MiB, the most that a sender may ask of a receiver (RFC 9659)."""
LEVEL: Final = 1
"""Of both, for answers that are made for one caller. Higher levels cost more than they save (benchmarks.micro)."""
STATIC_LEVEL: Final = 6
"""Of files, which are compressed once."""
_GZIP_FORMAT: Final = 31  # zlib's `wbits` for a gzip header and trailer.


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def check_coding(coding: bytes) -> None:
    """Raise `HttpProblem` (415) for a Content-Encoding that cannot be read."""
    if coding not in (b"gzip", b"x-gzip", b"zstd"):
        sentence = "The body has a Content-Encoding that is not supported. There are gzip and zstd, one at a time."
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, sentence, [(b"accept-encoding", ACCEPTED)])


def decompressed(body: bytes, coding: bytes, limit_bytes: int) -> bytes:
    """A body that is one gzip member or one zstd frame.

    Raises `HttpProblem` (413) over the limit, before more than that is in memory, and `MalformedJson`.
    """
    decompressor, error_type = _decompressor(coding)
    try:
        content = decompressor.decompress(body, limit_bytes + 1)
    except error_type as error:
        raise MalformedJson(f"the body is not what its Content-Encoding, {coding.decode()}, says") from error
    if len(content) > limit_bytes:
        raise HttpProblem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body may have at most {limit_bytes} bytes, also decompressed."
        )
    if not decompressor.eof:
        raise MalformedJson("the compressed body breaks off")
    if decompressor.unused_data:
        raise MalformedJson("there are bytes behind the compressed body")
    return content


def _decompressor(coding: bytes) -> tuple[_Decompressor, type[Exception]]:
    if coding == b"zstd":
        from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

        return ZstdDecompressor(options={DecompressionParameter.window_log_max: MAX_WINDOW_LOG}), ZstdError
    return zlib.decompressobj(_GZIP_FORMAT), zlib.error


async def compress(response: BytesResponse, request_headers: Sequence[RawHeader]) -> None:
    """Compress an answer if its caller accepts that; a cacheable one, which comes again, only once."""
    if response.etag is None:
        response.raw_headers.append((b"vary", b"Accept-Encoding"))
    coding = _best(b",".join(value for name, value in request_headers if name == b"accept-encoding"))
    if coding is None:
        return
    body = bytes(response.body)
    if response.etag is None:
        smaller = await run_maybe_in_thread(len(body) > BLOCKING_BODY_BYTES, compressed, body, coding, LEVEL)
    else:
        smaller = await run_maybe_in_thread(len(body) > BLOCKING_BODY_BYTES, _compressed_once, body, coding)
    response.body = smaller
    response.raw_headers = [header for header in response.raw_headers if header[0] != b"content-length"]
    response.raw_headers += [(b"content-length", b"%d" % len(smaller)), (b"content-encoding", coding)]


def compressed(body: bytes, coding: bytes, level: int) -> bytes:
    if coding == b"zstd":
        from backports import zstd

        return zstd.compress(body, level)
    return zlib.compress(body, level, _GZIP_FORMAT)


@lru_cache(maxsize=16)
def _compressed_once(body: bytes, coding: bytes) -> bytes:
    return compressed(body, coding, STATIC_LEVEL)


def _best(accept_encoding: bytes) -> bytes | None:
    """zstd or gzip, whichever the header (RFC 9110, section 12.5.3) accepts; zstd takes less time."""
    accepted = set()
    for item in accept_encoding.lower().split(b","):
        coding, _, weight = item.partition(b";")
        if weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"):
            accepted.add(coding.strip())
    return next((coding for coding in (b"zstd", b"gzip") if coding in accepted), None)
