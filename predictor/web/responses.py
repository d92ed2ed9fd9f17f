"""Answers as bytes: a Starlette response without the work that every answer would repeat."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

JSON: Final = b"application/json"
PROBLEM: Final = b"application/problem+json"

RawHeader = tuple[bytes, bytes]

WHOLE_ANSWER: Final = "predictor.answer"
"""An ASGI message with `status`, `headers` and `body`, and the key of the extension that says it is understood."""


class BytesResponse(Response):
    """A response whose body and headers are bytes already.

    Starlette's constructor encodes, lower-cases and measures on every answer; this one only keeps what it is given.
    """

    background = None
    server_timing: bytes | None = None
    etag: bytes | None = None
    on_sent: Callable[[], None] | None = None
    """Called when the client has read the answer, but for a rest of at most 64 KiB, or has gone."""

    def __init__(self, body: bytes, content_type: bytes, status: int = 200, headers: Sequence[RawHeader] = ()) -> None:
        self.status_code = status
        self.body = body
        if status in (204, 304):  # No content to describe, and no length to give (RFC 9110, section 8.6).
            self.raw_headers = [*headers]
        else:
            self.raw_headers = [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        if self.on_sent is not None:
            try:
                await send(head)
                await send({"type": "http.response.body", "body": self.body, "more_body": True})
                await send({"type": "http.response.body", "body": b""})  # uvicorn lets only this one wait.
            finally:
                self.on_sent()
        elif WHOLE_ANSWER in scope.get("extensions", ()):
            await send({**head, "type": WHOLE_ANSWER, "body": self.body})
        else:
            await send(head)
            await send({"type": "http.response.body", "body": self.body})


def no_content(headers: Sequence[RawHeader] = ()) -> BytesResponse:
    return BytesResponse(b"", JSON, 204, headers)


def json_response(value: Mapping[str, Any], status: int = 200) -> BytesResponse:
    return BytesResponse(orjson.dumps(value), JSON, status)
