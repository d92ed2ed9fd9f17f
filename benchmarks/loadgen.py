"""The load generator: keeps some connections busy, each with the next request as soon as the last answer is complete.

It uses raw sockets with epoll, because an event loop or a client library would need more CPU: even with the echo
function it fills only a tenth of a core, so the contender is the bottleneck. It checks the status of every answer.
"""

import math
import select
import socket
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from benchmarks.raw_http import HOST, complete

SLOWEST_ANSWER_S: Final = 60.0
SPIN_S: Final = 0.002
"""How long to poll for answers before sleeping.

Waking a sleeping process on the same machine is the most expensive part of a fast server's answer, and real callers are
on other machines. While a slow server works, the generator sleeps and leaves it the processor.
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What to send, and for how long: until `seconds` or `requests` (0: no limit) is reached."""

    port: int
    request: bytes
    connections: int
    seconds: float
    requests: int = 0
    warm_up_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What came back. Only `total` counts the requests of the warm-up: the server's CPU time is divided by it.

    `quantiles_ms` are 101 latencies, from the first byte sent to the last byte received: the fastest answer, each
    percentile, the slowest answer.
    """

    requests: int
    failures: int
    per_second: float
    quantiles_ms: list[float]
    total: int


def apply_load(load: Load) -> LoadResult:
    """Run a load to its end in a new process."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_generate, load).result()


def _generate(load: Load) -> LoadResult:
    return _Generator(load).run()


def quantiles(values: list[float]) -> list[float]:
    """101 quantiles by nearest rank; NaN for no values."""
    ordered = sorted(values) or [math.nan]
    return [ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] for percent in range(101)]


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.sent_at = 0.0


class _Generator:
    """All connections of one load, and what they have received."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._latencies_ms: list[float] = []
        self._failures = self._total = 0
        self._last_answer_at = self._last_event_at = 0.0

    def run(self) -> LoadResult:
        for _ in range(self._load.connections):
            self._connect()
        if self._load.warm_up_s:
            self._exchange(time.perf_counter() + self._load.warm_up_s, 0)
            self._latencies_ms, self._failures = [], 0
        start = time.perf_counter()
        self._exchange(start + self._load.seconds, self._load.requests)
        for connection in self._connections.values():
            connection.socket.close()
        requests = len(self._latencies_ms)
        # To the last answer, not to the end of the time: a slow answer may be half done by then.
        per_second = requests / max(self._last_answer_at - start, 1e-6)
        return LoadResult(requests, self._failures, per_second, quantiles(self._latencies_ms), self._total)

    def _exchange(self, until: float, requests: int) -> None:
        """Go on until this time or this number of answers, but wait a minute for the first answer."""
        clock, latencies = time.perf_counter, self._latencies_ms
        give_up = until + SLOWEST_ANSWER_S
        while (clock() < until or (not latencies and clock() < give_up)) and not 0 < requests <= len(latencies):
            events = self._epoll.poll(0)
            if not events and clock() - self._last_event_at > SPIN_S:
                events = self._epoll.poll(0.05)
            if events:
                self._last_event_at = clock()
            for number, _ in events:
                try:
                    self._receive(self._connections[number])
                except OSError:
                    self._failures += 1
                    self._epoll.unregister(number)
                    self._connections.pop(number).socket.close()
                    self._connect()

    def _receive(self, connection: _Connection) -> None:
        data: bytes | bytearray = connection.socket.recv(1 << 18)
        if not data:
            raise ConnectionResetError
        if connection.received or not complete(data):
            connection.received += data
            data = connection.received
            if not complete(data):
                return
        self._last_answer_at = now = time.perf_counter()
        self._latencies_ms.append((now - connection.sent_at) * 1000)
        self._failures += data[9:12] != b"200"
        connection.received.clear()
        self._send(connection)

    def _connect(self) -> None:
        connection = _Connection(self._load.port)
        self._connections[connection.socket.fileno()] = connection
        self._epoll.register(connection.socket.fileno(), select.EPOLLIN)
        self._send(connection)

    def _send(self, connection: _Connection) -> None:
        # Timed from before sending: the sender of a large body may be woken up long after the server has read it.
        connection.sent_at = time.perf_counter()
        connection.socket.sendall(self._load.request)  # Blocks on purpose: a small request fits the socket's buffer.
        self._total += 1
