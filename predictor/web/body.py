"""Reading a request's body: its media type, its size and its time are checked before its content."""

import asyncio
import functools
import types
from collections.abc import Coroutine, Generator
from http import HTTPStatus
from typing import Any, Final, TypeVar

from starlette.requests import ClientDisconnect, Request

from predictor.web.problems import HttpProblem

T = TypeVar("T")

BODY_TIMEOUT_S: Final = 30.0
"""How long a caller may take to send a body; the framework itself would wait for ever."""


async def read_json_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises `HttpProblem`: 415 unless it is declared as plain JSON, 413 over the limit, 408."""
    media_type, declared = b"", None
    for name, value in request.scope["headers"]:
        if name == b"content-type":
            media_type = value
        elif name == b"content-length":
            declared = value
        elif name == b"content-encoding":
            raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A Content-Encoding is not supported.")
    if media_type != b"application/json" and not _is_json(media_type):
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The Content-Type must be application/json.")
    if declared is not None and int(declared) > limit_bytes:
        raise _too_large(limit_bytes)
    return await _in_time(_receive_all(request, limit_bytes), BODY_TIMEOUT_S)


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body, of any media type. Raises `HttpProblem`: 413 over the limit, 408."""
    return await _in_time(_receive_all(request, limit_bytes), BODY_TIMEOUT_S)


async def _receive_all(request: Request, limit_bytes: int) -> bytes:
    message = await request.receive()
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        if not message.get("more_body", False):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)
        message = await request.receive()


async def _in_time(step: Coroutine[Any, Any, T], timeout_s: float) -> T:
    """Await `step`; raises `HttpProblem` (408) when it takes too long.

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
    # The rest of the body is still on its way: the connection cannot carry another request.
    return HttpProblem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The body may have at most {limit_bytes} bytes.",
        [(b"connection", b"close")],
    )


def _is_json(content_type: bytes) -> bool:
    """`application/json` or a `+json` type, in UTF-8 if it says which charset (RFC 8259 knows no other)."""
    media_type, *parameters = content_type.lower().split(b";")
    media_type = media_type.strip()
    if media_type != b"application/json" and not (
        media_type.startswith(b"application/") and media_type.endswith(b"+json")
    ):
        return False
    for parameter in parameters:
        name, _, value = parameter.strip().partition(b"=")
        if name.strip() == b"charset" and value.strip().strip(b'"') not in (b"utf-8", b"utf8", b"us-ascii"):
            return False
    return True
