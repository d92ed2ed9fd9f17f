"""One HTTP request as bytes, and the answer to it: what the load generator repeats and the cold start waits for.

Written out by hand because a client library would cost more than some contenders do.
"""

import re
import socket
from dataclasses import dataclass
from typing import Final

HOST: Final = "127.0.0.1"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_SERVER_TIMING: Final = re.compile(r"([\w-]+);dur=([\d.]+)")


def post(path: str, body: bytes) -> bytes:
    """A keep-alive POST of JSON."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def complete(data: bytes | bytearray) -> bool:
    """Whether `data` is one whole response."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    # Up to and with the blank line, so that the last header ends like the others.
    length = _LENGTH.search(data, 0, end + 4)
    if length:
        return len(data) >= end + 4 + int(length[1])
    if _CHUNKED.search(data, 0, end + 4):
        return data.endswith(b"0\r\n\r\n")
    return True


def server_timing_ms(header: str) -> dict[str, float]:
    """Milliseconds by phase from a Server-Timing header's value."""
    return {phase: float(ms) for phase, ms in _SERVER_TIMING.findall(header)}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    head: str
    body: bytes

    @property
    def server_timing_ms(self) -> dict[str, float]:
        """The phases that the answer's Server-Timing names; empty where there is none."""
        for line in self.head.splitlines():
            name, _, value = line.partition(":")
            if name.lower() == "server-timing":
                return server_timing_ms(value)
        return {}


def ask(port: int, request: bytes, timeout_s: float) -> Answer:
    """Send `request` on a connection of its own. Raises `OSError`."""
    data = bytearray()
    with socket.create_connection((HOST, port), timeout_s) as connection:
        connection.sendall(request)
        while not complete(data):
            received = connection.recv(1 << 18)
            if not received:
                raise ConnectionResetError("the server closed the connection")
            data += received
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    return Answer(int(head[9:12]), head.decode("latin-1"), body)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
