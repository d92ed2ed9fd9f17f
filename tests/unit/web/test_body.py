"""What happens to a body that does not arrive."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.types import Message

from predictor.bootstrap import App
from predictor.web import body
from tests.support.asgi import asgi, run


def test_after_a_408_the_connection_is_closed_at_once(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 0.05)
    sent: list[Message] = []
    pieces: Iterator[bytes] = iter(lambda: b"{", b"")

    async def receive() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": next(pieces), "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": headers}
    run(asgi(app.web)(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
