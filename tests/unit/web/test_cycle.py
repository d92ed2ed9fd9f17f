"""Whole answers on a connection: one write, and the head that uvicorn itself would send."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from predictor.web.cycle import EXTENSIONS, Cycle
from predictor.web.responses import BytesResponse, RawHeader
from tests.support.asgi import run


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def cycle_of(kind: type[RequestResponseCycle], transport: Transport, method: str, keep_alive: bool) -> Any:
    return kind(
        scope={"type": "http", "method": method, "headers": [], "extensions": EXTENSIONS},  # type: ignore[typeddict-item]
        transport=transport,  # type: ignore[arg-type]
        flow=FlowControl(transport),  # type: ignore[arg-type]
        logger=logging.getLogger("test"),
        access_logger=logging.getLogger("test"),
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: transport.written.append(b"ANSWERED"),
    )


def sent(
    kind: type[RequestResponseCycle],
    response: BytesResponse,
    method: str = "GET",
    *,
    keep_alive: bool = True,
    whole: bool = True,
) -> tuple[list[bytes], bool]:
    """What is written, and whether the connection is closed then."""

    async def send() -> tuple[list[bytes], bool]:
        transport = Transport()
        cycle = cycle_of(kind, transport, method, keep_alive)
        scope = dict(cycle.scope) if whole else {"type": "http"}
        await response(scope, cycle.receive, cycle.send)
        assert cycle.response_complete
        return transport.written, transport.closed

    return run(send())


def answer(status: int = 200, *headers: RawHeader) -> BytesResponse:
    return BytesResponse(b"" if status == HTTPStatus.NO_CONTENT else b'{"a":1}', b"application/json", status, headers)


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "response",
    [answer(), answer(404, (b"x-y", b"z")), answer(204), answer(413, (b"connection", b"close"))],
    ids=["ok", "error", "no-content", "close"],
)
def test_it_sends_what_uvicorn_sends_but_in_one_write(response: BytesResponse, method: str, keep_alive: bool) -> None:
    pieces, closed = sent(RequestResponseCycle, response, method, keep_alive=keep_alive, whole=False)
    together, closed_too = sent(Cycle, response, method, keep_alive=keep_alive)
    assert together == [b"".join(pieces[:-1]), b"ANSWERED"]
    assert closed_too == closed


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\0"])
def test_no_value_can_begin_another_header(value: bytes) -> None:
    with pytest.raises(RuntimeError, match="control character"):
        sent(Cycle, answer(200, (b"x-request-id", value)))


def test_nothing_is_sent_to_a_client_that_has_gone() -> None:
    async def send() -> list[bytes]:
        transport = Transport()
        cycle = cycle_of(Cycle, transport, "GET", True)
        cycle.disconnected = True
        await answer()(dict(cycle.scope), cycle.receive, cycle.send)
        return transport.written

    assert run(send()) == []


def test_a_body_that_has_arrived_is_given_at_once_and_once() -> None:
    async def receive() -> list[Any]:
        cycle = cycle_of(Cycle, Transport(), "POST", True)
        cycle.body += b"hello"
        cycle.more_body = False
        cycle.message_event.set()
        first = await cycle.receive()
        assert not cycle.message_event.is_set()  # So the next one waits for the end of the connection.
        cycle.disconnected = True
        cycle.message_event.set()
        return [first, await cycle.receive()]

    assert run(receive()) == [
        {"type": "http.request", "body": b"hello", "more_body": False},
        {"type": "http.disconnect"},
    ]


def test_after_the_answer_nothing_is_received_and_nobody_is_asked_for_a_body() -> None:
    async def receive() -> tuple[Any, list[bytes]]:
        transport = Transport()
        cycle = cycle_of(Cycle, transport, "POST", True)
        cycle.more_body = False
        cycle.waiting_for_100_continue = True
        await answer()(dict(cycle.scope), cycle.receive, cycle.send)
        return await cycle.receive(), transport.written

    message, written = run(receive())
    assert message == {"type": "http.disconnect"}
    assert len(written) == len(["the answer", "ANSWERED"])
