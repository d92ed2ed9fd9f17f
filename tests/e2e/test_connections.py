"""Clients that offer HTTP/2, hostile heads, and the end of the process, with the whole process on both sides."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from predictor.web.admission import MAX_STARTED
from tests.conftest import StartFunction
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.processes import PROJECT, FunctionProcess
from tests.support.programs import require_program
from tests.support.shutdown_load import answered_until_the_end

BODY = json.dumps(EXAMPLE)
POST = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
MUST_END_WITHIN_S = 9


@pytest.fixture(scope="module")
def function(bundle: PublishedBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    process = FunctionProcess(bundle.env, log_file=tmp_path_factory.mktemp("function") / "log").wait_until_up()
    yield process
    process.stop()


def connect(function: FunctionProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", function.port), timeout=30)


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("more", [(), ("-H", "Transfer-Encoding: chunked")], ids=["length", "chunked"])
def test_curl_that_offers_http2_gets_its_answer(function: FunctionProcess, more: tuple[str, ...]) -> None:
    curl = [require_program("curl"), "-sS", "--http2", "-H", "Content-Type: application/json", *more]
    command = [*curl, "-d", BODY, f"{function.url}/predict"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b'{"prediction":"Adelie"}'


@pytest.mark.slow
def test_javas_own_client_gets_its_answers(function: FunctionProcess) -> None:
    source = PROJECT / "tests/support/Client.java"
    command = [require_program("java"), str(source), f"{function.url}/predict", BODY]
    printed = subprocess.run(command, capture_output=True, check=True, text=True, timeout=120).stdout
    assert printed.splitlines() == ['200 {"prediction":"Adelie"}'] * 3


def test_a_large_body_behind_many_that_do_not_come_is_refused_in_time(
    start_function: StartFunction, bundle: PublishedBundle
) -> None:
    function = start_function({**bundle.env, "REQUEST_TIMEOUT_S": "1", "MAX_CONCURRENT_REQUESTS": f"{MAX_STARTED + 3}"})
    head = POST.format(length=20_000).encode()
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_STARTED):
            stack.enter_context(connect(function)).sendall(head)
        waiting = [stack.enter_context(connect(function)) for _ in range(4)]
        for connection in waiting:  # There is room for three of them.
            connection.sendall(head + b" " * 20_000)
        for connection in reversed(waiting):
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert json.loads(answer.read())["type"] == "urn:penguin-predictor:problem:overloaded"
        assert httpx.post(f"{function.url}/predict", json=EXAMPLE).status_code == 200


def test_an_endless_header_is_refused_at_once(function: FunctionProcess) -> None:
    with connect(function) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nX: ")
        sent = 0
        try:
            while sent < 2**26:
                sent += connection.send(b"y" * 65536)
        except OSError:
            pass  # The function has closed the connection.
    assert sent < 2**26
    assert httpx.get(f"{function.url}/health", timeout=10).status_code == 200


def test_pipelined_requests_without_an_end_are_not_all_kept(function: FunctionProcess) -> None:
    with connect(function) as connection:
        with contextlib.suppress(OSError):  # When the function closes the connection.
            connection.sendall(GET * 200_000)
        try:
            answers = read_all(connection)
        except ConnectionResetError:
            answers = b""
    assert answers.count(b"HTTP/1.1 200 ") < 100


class TestTheEnd:
    @pytest.fixture
    def ending(self, start_function: StartFunction, bundle: PublishedBundle) -> FunctionProcess:
        return start_function({**bundle.env, "MODEL_LOADING": "eager"})

    def end(self, function: FunctionProcess) -> float:
        started = time.monotonic()
        os.kill(function.process.pid, signal.SIGTERM)
        function.process.wait(MUST_END_WITHIN_S)
        return time.monotonic() - started

    @pytest.mark.slow
    def test_idle_and_unfinished_and_unread_clients_do_not_hold_it_up(self, ending: FunctionProcess) -> None:
        """One that says nothing, one whose body never ends, one that reads no answer."""
        batch = json.dumps({"instances": [EXAMPLE] * 1000})
        with connect(ending), connect(ending) as unfinished, connect(ending) as unread:
            unfinished.sendall(POST.format(length=100).encode() + b"{")
            for _ in range(30):
                unread.sendall(POST.format(length=len(batch)).encode() + batch.encode())
            time.sleep(0.5)
            self.end(ending)
            answer = http.client.HTTPResponse(unfinished)
            answer.begin()
            assert (answer.status, answer.getheader("connection")) == (503, "close")

    def test_a_request_on_each_idle_connection_is_answered(self, ending: FunctionProcess) -> None:
        connections = [connect(ending) for _ in range(64)]
        for connection in connections:
            connection.sendall(GET)
            assert b"200 OK" in connection.recv(65536)
        os.kill(ending.process.pid, signal.SIGSTOP)  # So that the requests and SIGTERM arrive together.
        worker = int(Path(f"/proc/{ending.process.pid}/task/{ending.process.pid}/children").read_text())
        os.kill(worker, signal.SIGSTOP)
        for connection in connections:
            connection.sendall(GET)
        for pid in (worker, ending.process.pid):
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGCONT)
        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(read_all, connections))
        assert [answer.count(b"200 OK") for answer in answers] == [1] * 64
        assert ending.process.wait(MUST_END_WITHIN_S) == 0
        for connection in connections:
            connection.close()

    @pytest.mark.slow
    def test_no_request_is_lost_under_load(self, ending: FunctionProcess) -> None:
        lost, answered, _ = answered_until_the_end(ending, clients=64, seconds=0.5)
        assert lost == []
        assert answered > 64
