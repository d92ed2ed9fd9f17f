"""Answers that are known before the body has been read reach every client, directly and behind real front ends."""

import contextlib
import http.client
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import requests

from tests.support.bundles import PublishedBundle
from tests.support.front_ends import FRONT_ENDS, front_end
from tests.support.processes import FunctionProcess
from tests.support.programs import require_program

BODY = b" " * 3 * 1024 * 1024
TIMEOUT_S = 30


class Case(NamedTuple):
    """A request with a large body, and the status that it gets."""

    status: int
    path: str
    content_type: str = "application/json"
    method: str = "POST"


CASES = [
    Case(404, "/nope"),
    Case(405, "/health"),
    Case(413, "/predict"),
    Case(415, "/predict", "text/plain"),
    Case(422, "/predict?details=perhaps"),
    Case(204, "/predict", method="OPTIONS"),
    Case(200, "/health", method="GET"),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method}-{case.status}")


@pytest.fixture(scope="module")
def function(bundle: PublishedBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    env = {**bundle.env, "MODEL_LOADING": "eager"}
    process = FunctionProcess(env, log_file=tmp_path_factory.mktemp("function") / "log").wait_until_up()
    yield process
    process.stop()


def head(case: Case, length: int, *more: str) -> bytes:
    lines = [f"{case.method} {case.path} HTTP/1.1", "Host: x", f"Content-Type: {case.content_type}", *more]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


def connect(function: FunctionProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", function.port), timeout=TIMEOUT_S)


def answer_of(connection: socket.socket) -> http.client.HTTPResponse:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer


@each_case
def test_a_connection_outlives_an_early_answer(function: FunctionProcess, case: Case) -> None:
    body = BODY[: 1024 * 1024] if case.status == 422 else BODY
    with connect(function) as connection:
        for _ in range(2):
            connection.sendall(head(case, len(body)) + body)
            answer = answer_of(connection)
            assert answer.status == case.status
            assert answer.getheader("connection") is None
            answer.read()


@each_case
def test_a_client_that_asks_for_the_end_of_the_connection_gets_the_answer_first(
    function: FunctionProcess, case: Case
) -> None:
    for _ in range(10):
        with connect(function) as connection:
            connection.sendall(head(case, len(BODY), "Connection: close") + BODY)
            answer = answer_of(connection)
            assert answer.status in (case.status, 413)
            answer.read()
            assert connection.recv(1) == b""  # An orderly end, not a reset.


def test_a_body_without_an_end_is_not_read_for_ever(function: FunctionProcess) -> None:
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with connect(function) as connection:
        connection.sendall(head(CASES[2], 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
        sent = 0
        with contextlib.suppress(OSError):  # When the function closes the connection.
            while sent < 2**30:
                connection.sendall(piece)
                sent += len(piece)
    assert 1024**2 < sent < 50 * 1024**2


def test_a_body_that_never_arrives_is_not_waited_for_long(function: FunctionProcess) -> None:
    with connect(function) as connection:
        started = time.monotonic()
        connection.sendall(head(CASES[0], 1000))
        answer = answer_of(connection)
        assert (answer.status, answer.getheader("connection")) == (404, "close")
        assert time.monotonic() - started < 7
        answer.read()
        assert connection.recv(1) == b""


def test_a_body_that_was_announced_only_is_not_asked_for(function: FunctionProcess) -> None:
    with connect(function) as connection:
        started = time.monotonic()
        connection.sendall(head(CASES[2], len(BODY), "Expect: 100-continue"))
        answer = answer_of(connection)  # A 100 would be read over.
        assert (answer.status, answer.getheader("connection")) == (413, "close")
        assert time.monotonic() - started < 2


def ask_urllib(url: str, case: Case) -> int:
    headers = {"Content-Type": case.content_type}
    request = urllib.request.Request(url + case.path, BODY, headers, method=case.method)  # noqa: S310  Our own URL.
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


def ask_httpx(url: str, case: Case) -> int:
    headers = {"Content-Type": case.content_type}
    return httpx.request(case.method, url + case.path, content=BODY, headers=headers, timeout=TIMEOUT_S).status_code


def ask_requests(url: str, case: Case) -> int:
    headers = {"Content-Type": case.content_type}
    return requests.request(case.method, url + case.path, data=BODY, headers=headers, timeout=TIMEOUT_S).status_code


def ask_curl(url: str, case: Case, *options: str) -> int:
    command = [require_program("curl"), "-sS", "-o", "-", "-w", "\n%{http_code}", "-X", case.method, *options]
    command += ["-H", f"Content-Type: {case.content_type}", "--data-binary", "@-", url + case.path]
    return int(subprocess.run(command, input=BODY, capture_output=True, check=True).stdout.splitlines()[-1])


def ask_curl_at_once(url: str, case: Case) -> int:
    """curl without `Expect: 100-continue`, which it sends before a large body."""
    return ask_curl(url, case, "-H", "Expect:")


def ask_on_one_connection(url: str, case: Case) -> int:
    """httpx, with a second request on the connection that the first one left."""
    headers = {"Content-Type": case.content_type}
    with httpx.Client(timeout=TIMEOUT_S) as client:
        client.request(case.method, url + case.path, content=BODY, headers=headers)
        return client.request(case.method, url + case.path, content=BODY, headers=headers).status_code


CLIENTS = [ask_urllib, ask_httpx, ask_requests, ask_curl, ask_curl_at_once, ask_on_one_connection]
Ask = Callable[[str, Case], int]


@pytest.mark.parametrize("ask", CLIENTS)
def test_every_client_reads_the_early_answer(function: FunctionProcess, ask: Ask) -> None:
    for case in CASES:
        expected = {case.status, 413}
        assert ask(function.url, case) in expected, case


@pytest.mark.parametrize(
    "name", [name if name == "nginx" else pytest.param(name, marks=pytest.mark.slow) for name in FRONT_ENDS]
)
def test_a_front_end_passes_the_early_answer_on(function: FunctionProcess, name: str, tmp_path: Path) -> None:
    with front_end(name, tmp_path, function.port) as url, ThreadPoolExecutor(8) as pool:
        for case in CASES:
            statuses = Counter(pool.map(lambda _, case=case: ask_urllib(url, case), range(40)))
            assert set(statuses) <= {case.status, 413}, (case, statuses)


@pytest.mark.parametrize("path", ["/a%0Ab", "/%0A", "/docs/x%0A", "/a%0D%0Ab", "/a%00b"])
def test_a_path_with_a_line_feed_gets_the_usual_404(function: FunctionProcess, path: str) -> None:
    answer = httpx.get(function.url + path, timeout=TIMEOUT_S)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
