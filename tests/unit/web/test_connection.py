"""Connections, on an asyncio loop with real sockets. tests/e2e/test_connections.py has the whole process."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from predictor.web import admission as admission_module
from predictor.web import connection as connection_module
from predictor.web.admission import StartQueue
from predictor.web.connection import MAX_HEAD_BYTES, MAX_PIPELINED, Connection
from tests.support.asgi import run

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, ServerState], Awaitable[None]]
GET = b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body that it got; `/slow` takes its time."""
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(0.2)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def client(keep_alive_s: float = 5.0) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, Any]]:
    config = Config(application, ws="none", lifespan="off", log_config=None)
    config.timeout_keep_alive = keep_alive_s  # type: ignore[assignment]  # Whole seconds would make slow tests.
    config.load()
    state = ServerState()
    starts = StartQueue(max_requests=10, timeout_s=5)
    make = partial(Connection, config, state, {}, starts=starts)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer, state
    finally:
        writer.close()
        server.close()


def conversation(*parts: bytes, pause_s: float = 0.01, keep_alive_s: float = 0.1) -> bytes:
    """Everything that comes back when these parts are sent one after the other, until the connection ends."""

    async def talk() -> bytes:
        async with client(keep_alive_s) as (reader, writer, _):
            for part in parts:
                writer.write(part)
                await asyncio.sleep(pause_s)
            return await asyncio.wait_for(reader.read(), 5)

    return run(talk())


@pytest.mark.parametrize("connection", [b"Upgrade, HTTP2-Settings", b"upgrade", b"close, Upgrade"])
@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_an_offer_of_another_protocol_is_passed_over(connection: bytes, protocol: bytes) -> None:
    head = POST + b"Connection: %b\r\nUpgrade: %b\r\n\r\n" % (connection, protocol)
    answer = conversation(head + b"hello")
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\nhello")
    assert conversation(head[:90], head[90:] + b"he", b"llo").endswith(b"\r\n\r\nhello")


def test_an_offer_with_a_chunked_body_is_passed_over() -> None:
    head = (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    )
    assert conversation(head + b"5\r\nhello\r\n0\r\n\r\n").endswith(b"hello")


def test_a_tunnel_is_refused() -> None:
    assert conversation(b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize("endless", [b"X: " + b"y" * 200_000, b"X: y\r\n" * 20_000, b""], ids=["one", "many", "url"])
def test_an_endless_head_is_refused_and_the_answer_can_be_read(endless: bytes) -> None:
    head = b"GET /quick HTTP/1.1\r\n" if endless else b"GET /" + b"a" * 200_000
    answer = conversation(head, endless, endless, endless)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert answer.endswith(b"at most %d bytes." % MAX_HEAD_BYTES)


def test_a_long_head_within_the_limit_is_answered() -> None:
    header = b"X: " + b"y" * (MAX_HEAD_BYTES // 2) + b"\r\n"
    assert conversation(b"GET /quick HTTP/1.1\r\n", header, b"\r\n").startswith(b"HTTP/1.1 200 ")


def test_trailers_are_not_kept() -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def talk() -> int:
        async with client() as (reader, writer, state):
            writer.write(head + b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 100_000)
            await asyncio.sleep(0.2)
            (connection,) = state.connections
            kept = len(connection.scope["headers"]) + len(connection.headers)
            writer.write(b"\r\n" + GET)
            assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
            return kept

    assert run(talk()) == len(["host", "transfer-encoding", "function-execution-id"])


def test_pipelined_requests_are_answered_in_order_and_too_many_end_the_connection() -> None:
    assert conversation(GET * 20).count(b"HTTP/1.1 200 ") == 20
    answer = conversation(GET * 1000)
    assert answer.count(b"HTTP/1.1 200 ") == MAX_PIPELINED + 1
    assert answer.count(b"connection: close") == 1


def test_a_client_that_goes_is_gone_for_the_request_that_is_being_answered_too() -> None:
    """uvicorn tells only the newest one, and the answer to an older one is written to a closed connection."""

    async def talk() -> list[str]:
        told: list[str] = []

        async def listening(_scope: Scope, receive: Receive, send: Send) -> None:
            told.append((await receive())["type"])
            told.append((await receive())["type"])
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async with client() as (_, writer, state):
            writer.write(GET)
            await asyncio.sleep(0.01)
            (connection,) = state.connections
            connection.app = listening
            writer.write(GET * 3)
            await asyncio.sleep(0.01)
            writer.close()
            (task,) = state.tasks
            await asyncio.wait({task}, timeout=1)
            return told

    assert run(talk()) == ["http.request", "http.disconnect"]


@pytest.mark.parametrize("earlier", [1, 3])
@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (POST + b"Content-Length: 6\r\n\r\nhello", 400),
        (POST.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"\r\nnope\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /" + b"a" * 5 * MAX_HEAD_BYTES, 431),
    ],
    ids=["nonsense", "head", "body", "tunnel", "endless"],
)
def test_what_came_before_a_broken_request_is_answered_before_it_is_refused(
    wrong: bytes, status: int, earlier: int, caplog: pytest.LogCaptureFixture
) -> None:
    """In order (RFC 9112, section 9.3.2); and nothing that comes after it is answered."""
    slow = GET.replace(b"quick", b"slow")
    more = b"" if status == 431 else GET * 1000  # Which would be a part of the head.
    answer = conversation(slow + GET * (earlier - 1), wrong[:-1], wrong[-1:], more, keep_alive_s=5)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200"] * earlier + [b"%d" % status]
    assert answer.count(b"connection: close") == 1
    assert not caplog.records


def test_a_broken_body_that_is_being_answered_ends_its_answer() -> None:
    """A status line in the middle of an answer would be taken for a part of it."""

    async def early(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"

    async def talk() -> bytes:
        async with client() as (reader, writer, state):
            writer.write(GET)
            answer = await reader.readuntil(b"\r\n\r\n")
            (connection,) = state.connections
            connection.app = early
            writer.write(POST.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"\r\n1\r\na\r\n")
            answer = await reader.readuntil(b"first")
            writer.write(b"nope\r\n")
            return answer + await asyncio.wait_for(reader.read(), 5)

    assert run(talk()).endswith(b"5\r\nfirst\r\n")


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", POST + b"Content-Length: 6\r\n\r\nhello"])
def test_nonsense_is_refused(sent: bytes) -> None:
    assert conversation(sent).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("second", [b"Transfer-Encoding: chunked\r\n", b"Content-Length: 6\r\n"], ids=["both", "two"])
def test_a_body_with_two_lengths_is_refused(second: bytes) -> None:
    """A front end that goes by the other one would take the rest for a request of somebody else."""
    answer = conversation(POST + second + b"\r\n0\r\n\r\n" + GET)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_broken_chunk_is_refused() -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert conversation(head, b"nope\r\n").startswith(b"HTTP/1.1 400 ")


def test_nothing_is_written_after_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does the log get a traceback for the answer that was being made."""
    slow = POST.replace(b"echo", b"slow").replace(b"Content-Length: 5", b"Transfer-Encoding: chunked")

    async def talk() -> bytes:
        async with client() as (reader, writer, _):
            writer.write(slow + b"\r\nnope\r\n")
            answer = await asyncio.wait_for(reader.read(), 5)
            await asyncio.sleep(0.3)  # The slow one is done.
            return answer

    answer = run(talk())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert not caplog.records


def test_a_head_that_never_ends_is_a_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "HEAD_TIMEOUT_S", 0.05)
    assert conversation(b"GET /quick HTTP/1.1\r\n").startswith(b"HTTP/1.1 408 ")
    assert conversation() == b""  # A client that says nothing is answered nothing.


def test_a_second_head_that_never_ends_is_a_408_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "HEAD_TIMEOUT_S", 0.05)
    assert b"HTTP/1.1 408 " in conversation(GET, b"GET ")


class TestTheEndOfTheProcess:
    def test_a_request_that_is_on_the_way_is_answered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection_module, "IDLE_GRACE_S", 0.1)

        async def talk() -> bytes:
            async with client() as (reader, writer, state):
                writer.write(GET)
                await reader.readuntil(b"\r\n\r\n")
                (connection,) = state.connections
                connection.shutdown()
                writer.write(GET)
                return await asyncio.wait_for(reader.read(), 5)

        answer = run(talk())
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer

    def test_one_that_has_arrived_unread_is_answered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection_module, "IDLE_GRACE_S", 0.0)

        async def talk() -> bytes:
            async with client() as (reader, writer, state):
                await asyncio.sleep(0.01)
                (connection,) = state.connections
                writer.write(GET)
                connection.shutdown()
                connection._close_if_idle()
                return await asyncio.wait_for(reader.read(), 5)

        assert run(talk()).startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize("sent", [b"GET /qu", POST + b"\r\nhel"])
    def test_a_request_that_does_not_arrive_is_given_up(self, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
        monkeypatch.setattr(connection_module, "BODY_GRACE_S", 0.05)

        async def talk() -> bytes:
            async with client() as (reader, writer, state):
                writer.write(sent)
                await asyncio.sleep(0.01)
                (connection,) = state.connections
                connection.shutdown()
                return await asyncio.wait_for(reader.read(), 5)

        assert run(talk()).startswith(b"HTTP/1.1 503 ")

    def test_one_in_work_is_finished(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection_module, "BODY_GRACE_S", 0.05)

        async def talk() -> bytes:
            async with client() as (reader, writer, state):
                writer.write(GET.replace(b"quick", b"slow"))
                await asyncio.sleep(0.01)
                (connection,) = state.connections
                connection.shutdown()
                return await asyncio.wait_for(reader.read(), 5)

        answer = run(talk())
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer


class TestLargeBodies:
    @pytest.mark.parametrize("framing", ["declared", "chunked"])
    def test_they_wait_for_one_another_while_everyone_else_is_answered(
        self, monkeypatch: pytest.MonkeyPatch, framing: str
    ) -> None:
        monkeypatch.setattr(admission_module, "MAX_STARTED", 1)
        fields = {
            "declared": b"Content-Length: 20000\r\n\r\n" + b"x" * 20_000,
            "chunked": b"Transfer-Encoding: chunked\r\n\r\n4e20\r\n" + b"x" * 20_000 + b"\r\n0\r\n\r\n",
        }
        post = b"POST /echo HTTP/1.1\r\nHost: x\r\n" + fields[framing]

        async def talk() -> None:
            async with client() as (reader, writer, _):
                second_reader, second = await asyncio.open_connection(*writer.get_extra_info("peername"))
                third_reader, third = await asyncio.open_connection(*writer.get_extra_info("peername"))
                writer.write(post[:-1])
                await asyncio.sleep(0.05)
                second.write(post)
                await asyncio.sleep(0.05)
                third.write(GET)
                assert (await third_reader.readline()).startswith(b"HTTP/1.1 200")
                waiting = asyncio.create_task(second_reader.readline())
                await asyncio.sleep(0.05)
                assert not waiting.done()
                writer.write(post[-1:])
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
                assert await reader.readexactly(20_000) == b"x" * 20_000
                assert (await waiting).startswith(b"HTTP/1.1 200")
                second.close()
                third.close()

        run(talk())
