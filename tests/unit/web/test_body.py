"""A request's body: its media type, its size and its time are checked before its content."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import Request

from predictor.bootstrap import App
from predictor.web import HttpProblem, read_body
from predictor.web import body as body_module
from predictor.web.body import discard_body, read_json_body
from tests.support.asgi import Client, asgi, problem_of, run
from tests.support.bundles import EXAMPLE
from tests.support.logs import Log

JSON_BODY = json.dumps(EXAMPLE).encode()
AS_JSON = {"Content-Type": "application/json"}


def scope_of(*, length: int | None = None, media_type: bytes = b"application/json") -> dict[str, Any]:
    headers = [(b"content-type", media_type)]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": headers}


def request_with(*parts: bytes, **scope: Any) -> Request:
    """A request whose body arrives in these parts; asking for more is an error."""
    waiting = list(parts)

    async def receive() -> Any:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    return Request(scope_of(**scope), receive)


class TestMediaType:
    @pytest.mark.parametrize(
        "content_type",
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "json", "+json"],
    )
    def test_another_one_is_refused(self, client: Client, content_type: str) -> None:
        problem_of(client.post("/predict", content=JSON_BODY, headers={"Content-Type": content_type}), 415)

    def test_none_is_refused(self, client: Client) -> None:
        problem = problem_of(client.post("/predict", content=JSON_BODY), 415)
        assert "application/json" in problem["detail"]
        assert "text/csv and application/x-ndjson" in problem["detail"]

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "Application/JSON; charset=UTF-8",
            'application/json;charset="utf-8"',
            "application/a+json",
        ],
    )
    def test_json_under_its_other_names_is_read(self, client: Client, content_type: str) -> None:
        response = client.post("/predict", content=JSON_BODY, headers={"Content-Type": content_type})
        assert response.status_code == 200

    def test_an_event_may_have_any(self) -> None:
        assert run(read_body(request_with(b"hello", media_type=b"text/plain"), 5)) == b"hello"


class TestSize:
    def test_a_declared_body_over_the_limit_is_refused(self, client: Client) -> None:
        response = client.post("/predict", content=b" " * (2 * 1024 * 1024), headers=AS_JSON)
        problem_of(response, 413)
        assert "connection" not in response.headers  # The rest of the body has been read, so it can be used again.

    def test_a_declared_body_over_the_limit_is_not_even_received(self) -> None:
        request = request_with(length=6)  # Without parts: receiving would raise IndexError.
        with pytest.raises(HttpProblem, match="at most 5 bytes"):
            run(read_json_body(request, 5))

    def test_a_body_that_grows_over_the_limit_is_refused(self, client: Client) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b" " * 65536

        problem_of(client.post("/predict", content=chunks(), headers=AS_JSON), 413)

    @pytest.mark.parametrize("read", [read_json_body, read_body])
    def test_the_limit_itself_is_allowed(self, read: Any) -> None:
        assert run(read(request_with(b"[1,", b"2]"), 5)) == b"[1,2]"
        with pytest.raises(HttpProblem, match="at most 4 bytes"):
            run(read(request_with(b"[1,", b"2]"), 4))

    def test_a_body_in_pieces_is_put_together(self, client: Client) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for index in range(len(JSON_BODY)):
                yield JSON_BODY[index : index + 1]

        assert client.post("/predict", content=chunks(), headers=AS_JSON).json() == {"prediction": "Adelie"}


class TestTime:
    def test_a_body_that_does_not_arrive_is_not_waited_for(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(body_module, "BODY_TIMEOUT_S", 0.05)

        async def receive() -> Any:
            await asyncio.sleep(60)

        response = run(app.web(Request(scope_of(), receive)))
        assert response.status_code == 408

    def test_after_a_408_the_connection_is_closed_at_once(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(body_module, "BODY_TIMEOUT_S", 0.05)

        async def receive() -> Any:
            await asyncio.sleep(0.02)
            return {"type": "http.request", "body": b"{", "more_body": True}

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        run(asgi(app.web)(scope_of(length=1000), receive, send))  # type: ignore[arg-type]
        assert sent[0]["status"] == 408
        assert (b"connection", b"close") in sent[0]["headers"]

    def test_a_body_that_arrives_late_is_read(self, app: App) -> None:
        parts = [JSON_BODY[:20], JSON_BODY[20:]]

        async def receive() -> Any:
            await asyncio.sleep(0.01)
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        assert run(app.web(Request(scope_of(), receive))).body == b'{"prediction":"Adelie"}'

    def test_a_caller_who_disconnects_is_no_error(self, app: App, log: Log) -> None:
        async def receive() -> Any:
            await asyncio.sleep(0)
            return {"type": "http.disconnect"}

        run(app.web(Request(scope_of(), receive)))
        assert log.text == ""

    def test_waiting_for_a_body_can_be_cancelled(self, app: App) -> None:
        async def receive() -> Any:
            await asyncio.sleep(60)

        async def scenario() -> None:
            task = asyncio.create_task(app.web(Request(scope_of(), receive)))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(scenario())


class TestDiscarding:
    """What is left of a body is read before an early answer; False where the connection must be closed instead."""

    def test_what_is_left_is_read_to_its_end(self) -> None:
        request = request_with(b"123", b"456", b"789")
        with pytest.raises(HttpProblem, match="at most 5 bytes"):
            run(read_body(request, 5))
        assert run(discard_body(request)) is True

    def test_a_body_that_has_been_read_is_not_received_again(self) -> None:
        request = request_with(b"123")  # Receiving once more would raise IndexError.
        run(read_body(request, 5))
        assert run(discard_body(request)) is True

    def test_no_more_is_read_than_the_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(body_module, "MAX_DISCARDED_BYTES", 5)
        assert run(discard_body(request_with(b"123", b"456", b"789"))) is False

    def test_a_body_that_does_not_arrive_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(body_module, "DISCARD_TIMEOUT_S", 0.05)

        async def receive() -> Any:
            await asyncio.sleep(60)

        assert run(discard_body(Request(scope_of(), receive))) is False

    def test_a_body_that_was_only_announced_is_not_asked_for(self) -> None:
        request = request_with()
        request.scope["headers"].append((b"expect", b"100-Continue"))
        assert run(discard_body(request)) is False
