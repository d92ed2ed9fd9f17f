"""The load generator: a closed loop of keep-alive connections, in a process of its own.

Each connection sends the same bytes again as soon as its answer is complete. It speaks to raw non-blocking sockets
under epoll, without an event loop or a client library: about a tenth of a core where the echo function fills one, so
with two cores the contender and never the generator is the bottleneck; it needs nothing but Python; and it looks at
every answer's status.

Run as `python -m benchmarks.loadgen`: a `Load` as JSON on stdin, a `Drive` as JSON on stdout.
"""

import base64
import json
import select
import socket
import subprocess
import sys
import time
from array import array
from dataclasses import asdict, dataclass
from typing import Final

from benchmarks.figures import quantile
from benchmarks.wire import HOST, complete

PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """What to send, where, how, and for how long: until `seconds` or `requests` (0: no limit) is reached."""

    port: int
    request: bytes
    connections: int
    seconds: float
    requests: int = 0
    warm_up_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Drive:
    """What happened. Latencies count from the first byte sent to the last byte received; the warm-up is left out."""

    requests: int
    failures: int
    seconds: float
    quantiles_ms: list[float]
    """101 values: the fastest answer, every percentile, the slowest."""
    total: int
    """All requests, those of the warm-up too: what the server's CPU time is divided by."""

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def percentile_ms(self, percent: int) -> float:
        return self.quantiles_ms[percent]


SPIN_S: Final = 0.002
"""How long to look for answers without sleeping.

Waking a sleeper on the same machine is the most expensive thing that a fast server does for one answer (in a virtual
machine an interrupt for another processor), and callers are not on the same machine. A slow server's generator sleeps,
and leaves it the processor.
"""


def drive(load: Load) -> Drive:
    """Have a new process put `load` on a server. Raises `RuntimeError` when it could not."""
    message = {**asdict(load), "request": base64.b64encode(load.request).decode()}
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.loadgen"],
        input=json.dumps(message),
        capture_output=True,
        text=True,
        check=False,
        timeout=load.seconds + load.warm_up_s + 120,
    )
    if run.returncode != 0:
        raise RuntimeError(f"the load generator failed: {run.stderr.strip()[-500:]}")
    return Drive(**json.loads(run.stdout))


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    received: bytearray
    sent_at: float = 0.0


class _Loop:
    """All connections of one load, and what they have seen."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self.latencies = array("d")
        self.failures = 0
        self.total = 0
        self.last_answer_at = 0.0
        self._busy_at = 0.0

    def run(self) -> float:
        """Drive the load; returns the measured seconds."""
        for _ in range(self._load.connections):
            self._connect()
        if self._load.warm_up_s:
            self._turn(time.perf_counter() + self._load.warm_up_s, 0)
            self.latencies = array("d")
            self.failures = 0
        start = time.perf_counter()
        self._turn(start + self._load.seconds, self._load.requests)
        # Up to the last answer: with answers that take as long as the window, its end falls anywhere between two.
        seconds = max(self.last_answer_at - start, 1e-6)
        for connection in self._connections.values():
            connection.socket.close()
        return seconds

    def _turn(self, until: float, requests: int) -> None:
        """Until then, or so many answers; but one at least, however slow, if it comes in a minute."""
        clock, latencies = time.perf_counter, self.latencies
        patience = until + PATIENCE_S
        while (clock() < until or (not latencies and clock() < patience)) and not 0 < requests <= len(latencies):
            events = self._epoll.poll(0)
            if not events and clock() - self._busy_at > SPIN_S:
                events = self._epoll.poll(0.05)
            if events:
                self._busy_at = clock()
            for number, _ in events:
                connection = self._connections[number]
                try:
                    data: bytes | bytearray = connection.socket.recv(1 << 18)
                    if not data:
                        raise ConnectionResetError
                    if connection.received:
                        connection.received += data
                        data = connection.received
                    elif not complete(data):
                        connection.received += data
                        continue
                    if not complete(data):
                        continue
                    self.last_answer_at = now = clock()
                    latencies.append(now - connection.sent_at)
                    if data[9:12] != b"200":
                        self.failures += 1
                    connection.received.clear()
                    self._send(connection)
                except OSError:
                    self._reconnect(number)

    def _connect(self) -> None:
        client = socket.create_connection((HOST, self._load.port), 30)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(client, bytearray())
        self._connections[client.fileno()] = connection
        self._epoll.register(client.fileno(), select.EPOLLIN)
        self._send(connection)

    def _reconnect(self, number: int) -> None:
        self.failures += 1
        self._epoll.unregister(number)
        self._connections.pop(number).socket.close()
        self._connect()

    def _send(self, connection: _Connection) -> None:
        # Blocking on purpose for the large bodies of batches; a small request fits the socket's buffer at once.
        # Timed from before it: whoever sends a large body may be woken up long after the server has all of it.
        connection.sent_at = time.perf_counter()
        connection.socket.sendall(self._load.request)
        self.total += 1


def main() -> None:
    message = json.load(sys.stdin)
    load = Load(**{**message, "request": base64.b64decode(message["request"])})
    loop = _Loop(load)
    seconds = loop.run()
    latencies = sorted(loop.latencies)
    json.dump(
        asdict(
            Drive(
                requests=len(latencies),
                failures=loop.failures,
                seconds=seconds,
                quantiles_ms=[quantile(latencies, percent / 100) * 1000 for percent in range(101)],
                total=loop.total,
            )
        ),
        sys.stdout,
    )


if __name__ == "__main__":
    main()
