"""Reading a request's body: its media type, its size and its time are checked before its content.

An answer can be known before the body has been read. It must not be sent then: a server that closes a connection with
unread data in it resets the connection, and whoever is still sending never sees the answer (RFC 9112, section 9.6). So
`discard_body` reads what is left of a body, within limits, before any answer is sent.
"""

import asyncio
import functools
import types
from collections.abc import Callable, Coroutine, Generator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.requests import ClientDisconnect, Request

from predictor.web.admission import LARGE_BODY_BYTES, Admission
from predictor.web.problems import HttpProblem
from predictor.web.threads import run_maybe_in_thread

if TYPE_CHECKING:
    from predictor.bulk import FileFormat

T = TypeVar("T")

BODY_TIMEOUT_S: Final = 30.0
"""How long a caller may take to send a body; the framework itself would wait for ever."""
MAX_DISCARDED_BYTES: Final = 32 * 1024 * 1024
"""As much as Cloud Run lets through in one HTTP/1 request. A longer body is from a caller who is directly connected."""
DISCARD_TIMEOUT_S: Final = 5.0
"""Less than the 10 s that Cloud Run leaves a process after SIGTERM."""

_NOT_JSON: Final = "The header must be Content-Type: application/json, or a type that ends in +json."
_NO_CODING: Final = "Rows that are answered one by one must be sent without Content-Encoding."
NOT_UTF_8: Final = "The Content-Type names a charset that is not supported. Send UTF-8, as charset=utf-8."
UTF_8: Final = (b"utf-8", b"utf8", b"us-ascii")

_STREAMED: "Final[dict[bytes, FileFormat]]" = {b"text/csv": "csv", b"application/x-ndjson": "ndjson"}

COMPLETE: Final = "predictor.body_complete"
"""The key in a request's scope: true once its body has been read to its end, false if it did not come in time."""
HOLD: Final = "predictor.hold"
"""The key in a request's scope: the `Hold` of a large body."""
_ASKED: Final = "predictor.body_asked_for"
"""The key in a request's scope once a part of a body that is too long has been read."""


def refuse_other_than_json(content_type: bytes) -> str | None:
    """What is wrong with a media type; None for JSON in UTF-8 (RFC 8259 knows no other charset)."""
    media_type, charset = media_type_of(content_type)
    if media_type != b"application/json" and not (
        media_type.startswith(b"application/") and media_type.endswith(b"+json")
    ):
        return _NOT_JSON
    return None if charset in UTF_8 else NOT_UTF_8


def refuse_other_than_json_or_rows(content_type: bytes) -> str | None:
    """The same for `predict`, which answers rows as a stream where they are UTF-8 and not compressed."""
    media_type, charset = media_type_of(content_type)
    if media_type in _STREAMED:
        return _NO_CODING if charset in UTF_8 else NOT_UTF_8
    wrong = refuse_other_than_json(content_type)
    return wrong if wrong != _NOT_JSON else f"{wrong} text/csv and application/x-ndjson are answered row by row."


def media_type_of(content_type: bytes) -> tuple[bytes, bytes]:
    """The media type in lower case, and its charset: UTF-8 where none is named."""
    media_type, *parameters = content_type.lower().split(b";")
    charset = b"utf-8"
    for parameter in parameters:
        name, _, value = parameter.strip().partition(b"=")
        if name.strip() == b"charset" and charset in UTF_8:
            charset = value.strip().strip(b'"')
    return media_type.strip(), charset


def streamed_format(request: Request) -> "FileFormat | None":
    """The format of a body that is answered as a stream; None for any other, or if it is compressed."""
    headers = dict(request.scope["headers"])
    media_type, charset = media_type_of(headers.get(b"content-type", b""))
    return _STREAMED.get(media_type) if charset in UTF_8 and b"content-encoding" not in headers else None


async def read_json_body(
    request: Request,
    limit_bytes: int,
    admission: Admission | None = None,
    refusal: Callable[[bytes], str | None] = refuse_other_than_json,
) -> bytes:
    """The whole body, decompressed. Raises `HttpProblem`: 415 unless it is declared as JSON, 413 over the limit, 408.

    With `admission`, a large body is held under `HOLD`, and 503 when there is no room for it. A compressed body that is
    broken is `MalformedJson`. `refusal` says what is wrong with another media type than application/json, or that
    nothing is.
    """
    media_type, declared, coding = b"", None, b""
    for name, value in request.scope["headers"]:
        if name == b"content-type":
            media_type = value
        elif name == b"content-length":
            declared = value
        elif name == b"content-encoding":
            coding = coding + b"," + value.lower() if coding else value.lower()
    if media_type != b"application/json" and (wrong := refusal(media_type)) is not None:
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, wrong)
    if declared is not None:
        length = int(declared)
        if length > limit_bytes:
            raise _too_large(limit_bytes)
        if length > LARGE_BODY_BYTES and admission is not None and not coding:
            request.scope[HOLD] = await admission.hold(length)
            admission = None
    if coding and coding != b"identity":
        return await _read_compressed(request, coding, limit_bytes, admission)
    return await read_body(request, limit_bytes, admission)


async def _read_compressed(request: Request, coding: bytes, limit_bytes: int, admission: Admission | None) -> bytes:
    """The body, decompressed. It counts as the largest that it can be, because its size is known only afterwards."""
    from predictor.web.compression import check_coding, decompressed

    check_coding(coding)
    body = await read_body(request, limit_bytes, admission)
    if admission is not None and HOLD not in request.scope:
        request.scope[HOLD] = await admission.hold(limit_bytes)
    return await run_maybe_in_thread(len(body) > LARGE_BODY_BYTES, decompressed, body, coding, limit_bytes)


def read_body(request: Request, limit_bytes: int, admission: Admission | None = None) -> Coroutine[Any, Any, bytes]:
    """The whole body, of any media type. Raises `HttpProblem`: 413 over the limit, 408, 503 as `read_json_body`."""
    return _in_time(request, _receive_all(request, limit_bytes, admission), BODY_TIMEOUT_S)


async def discard_body(request: Request) -> bool:
    """Read what is left of the body, within limits. False if that is not all: the connection must be closed then.

    Raises `ClientDisconnect`.
    """
    scope = request.scope
    complete: bool | None = scope.get(COMPLETE)
    if complete is None:
        if _ASKED not in scope and _waits_to_be_asked(request):
            return False  # Reading the body would ask for it.
        try:
            complete = await _in_time(request, _discard(request), DISCARD_TIMEOUT_S)
        except HttpProblem:
            return False
    return complete


async def _discard(request: Request) -> bool:
    size = 0
    while size <= MAX_DISCARDED_BYTES:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if not message.get("more_body", False):
            return True
        size += len(message.get("body", b""))
    return False


def _waits_to_be_asked(request: Request) -> bool:
    """Whether the caller has only announced the body (RFC 9110, section 10.1.1)."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in request.scope["headers"])


async def _receive_all(request: Request, limit_bytes: int, admission: Admission | None) -> bytes:
    message = await request.receive()
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        more = message.get("more_body", False)
        if not more:
            request.scope[COMPLETE] = True
        if size > limit_bytes:
            request.scope[_ASKED] = True
            raise _too_large(limit_bytes)
        if not more:
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)
        if admission is not None and size > LARGE_BODY_BYTES:  # Its size was not declared.
            request.scope[HOLD] = await admission.hold(limit_bytes)
            admission = None
        message = await request.receive()


async def _in_time(request: Request, step: Coroutine[Any, Any, T], timeout_s: float) -> T:
    """Await `step`, which reads the body; raises `HttpProblem`, 408, when that takes too long.

    A small body has nearly always arrived with its headers, so the first step does not wait. `asyncio.timeout` around
    every body would cost 5 us, a thirtieth of a request and more than the whole prediction: the timer is only set when
    the first step has to wait (`python -m benchmarks.micro`, docs/explanation/performance.md).
    """
    try:
        waiting_for = step.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    try:
        async with asyncio.timeout(timeout_s):
            return await _resume(step, waiting_for)
    except TimeoutError as error:
        request.scope[COMPLETE] = False
        raise HttpProblem(HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time.") from error


@types.coroutine
def _resume(step: Coroutine[Any, Any, T], waiting_for: Any) -> Generator[Any, Any, T]:
    """Continue awaiting a coroutine whose first step `_in_time` has taken."""
    while True:
        try:
            received = yield waiting_for
        except BaseException as error:  # noqa: BLE001  Cancellation too belongs to the coroutine.
            advance = functools.partial(step.throw, error)
        else:
            advance = functools.partial(step.send, received)
        try:
            waiting_for = advance()
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


def _too_large(limit_bytes: int) -> HttpProblem:
    return HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body may have at most {limit_bytes} bytes.")
