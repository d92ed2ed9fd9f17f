"""Reading a request's body: its media type, its size and its time are checked before its content."""

import asyncio
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request

from predictor.web.problems import HttpProblem

BODY_TIMEOUT_S: Final = 30.0
"""How long a caller may take to send a body; the framework itself would wait for ever."""


async def read_json_body(request: Request, limit_bytes: int, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
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
    try:
        async with asyncio.timeout(timeout_s):
            message = await request.receive()
            body: bytes = message.get("body", b"")
            if message.get("more_body", False):
                body = await _rest(request, body, limit_bytes)
    except TimeoutError as error:
        raise HttpProblem(HTTPStatus.REQUEST_TIMEOUT, "The body did not arrive in time.") from error
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    if len(body) > limit_bytes:
        raise _too_large(limit_bytes)
    return body


async def _rest(request: Request, first: bytes, limit_bytes: int) -> bytes:
    chunks, size = [first], len(first)
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


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
