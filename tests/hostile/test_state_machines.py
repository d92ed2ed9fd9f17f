"""Hypothesis plays clients: any order of requests, halves of requests, resets and nonsense. Birds stay right."""

import contextlib
import http.client
import json
import socket
import struct
from typing import Any

from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.hostile.conftest import FULL
from tests.support.bundles import CLASSES, EXAMPLE, random_penguins
from tests.support.processes import FunctionProcess

BIRDS = [(json.dumps(bird.model_dump()).encode(), name) for bird, name in zip(*random_penguins(30, 7), strict=True)]
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
PREDICT = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
RESET = struct.pack("ii", 1, 0)
TIMEOUT_S = 30


def with_length(body: bytes) -> bytes:
    return PREDICT + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return PREDICT + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nTrailer: x\r\n\r\n"


def offering_http2(body: bytes) -> bytes:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    return with_length(body).replace(b"Host: x\r\n", b"Host: x\r\n" + offer)


FORMS = {
    "length": with_length,
    "chunks": lambda body: chunked(body, 40),
    "bytes": lambda body: chunked(body, 1),
    "http2": offering_http2,
}


class Clients(RuleBasedStateMachine):
    """Up to eight open connections, each with the answers that it is still owed."""

    port: int

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[socket.socket, list[str]]] = []

    @rule()
    @precondition(lambda self: len(self.open) < 8)
    def connect(self) -> None:
        self.open.append((socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S), []))

    @rule(number=strategies.integers(0, 7), bird=strategies.sampled_from(BIRDS), form=strategies.sampled_from([*FORMS]))
    @precondition(lambda self: self.open)
    def ask(self, number: int, bird: tuple[bytes, str], form: str) -> None:
        connection, owed = self.open[number % len(self.open)]
        connection.sendall(FORMS[form](bird[0]))
        owed.append(bird[1])

    @rule(number=strategies.integers(0, 7), cuts=strategies.lists(strategies.integers(1, 250), max_size=3))
    @precondition(lambda self: self.open)
    def ask_in_parts(self, number: int, cuts: list[int]) -> None:
        body, name = BIRDS[number]
        connection, owed = self.open[number % len(self.open)]
        request, start = with_length(body), 0
        for cut in sorted(cuts):
            connection.sendall(request[start:cut])
            start = max(start, cut)
        connection.sendall(request[start:])
        owed.append(name)

    @rule(number=strategies.integers(0, 7))
    @precondition(lambda self: self.open)
    def read(self, number: int) -> None:
        connection, owed = self.open[number % len(self.open)]
        for name in owed:
            answer = http.client.HTTPResponse(connection)
            # One answer may come in the same packet as the next: read without a buffer that takes more than its own.
            answer.fp.close()
            answer.fp = connection.makefile("rb", buffering=0)  # type: ignore[assignment]
            answer.begin()
            assert (answer.status, json.loads(answer.read())) == (200, {"prediction": name})
        owed.clear()

    @rule(number=strategies.integers(0, 7), how=strategies.sampled_from(["close", "reset", "half", "nonsense"]))
    @precondition(lambda self: self.open)
    def leave(self, number: int, how: str) -> None:
        connection, _ = self.open.pop(number % len(self.open))
        with connection, contextlib.suppress(OSError):
            if how == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            elif how == "half":
                connection.sendall(with_length(BIRDS[0][0])[:150])
            elif how == "nonsense":
                connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")

    @invariant()
    def it_is_well(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        connection.request("POST", "/predict", json.dumps(EXAMPLE), {"Content-Type": "application/json"})
        assert connection.getresponse().read() == b'{"prediction":"Adelie"}'
        connection.close()

    def teardown(self) -> None:
        for connection, _ in self.open:
            connection.close()


def test_any_order_of_requests_gets_the_right_birds(predict: FunctionProcess) -> None:
    assert {name for _, name in BIRDS} == set(CLASSES)

    class AtThisPort(Clients):
        port = predict.port

    limits: dict[str, Any] = {"max_examples": 300, "stateful_step_count": 50} if FULL else {}
    limits = limits or {"max_examples": 10, "stateful_step_count": 20}
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    options = settings(deadline=None, suppress_health_check=checks, derandomize=not FULL, **limits)
    run_state_machine_as_test(AtThisPort, settings=options)
