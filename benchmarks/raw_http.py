"""HTTP requests and answers as plain bytes, for the load generator and for the first request after a start.

An HTTP client library would use more CPU than some contenders do, and the benchmarks would measure the client.
"""

import re
import socket
from typing import Final, NamedTuple

HOST: Final = "127.0.0.1"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


def post(path: str, body: bytes) -> bytes:
    """A POST request with a JSON body that keeps the connection open."""
    head = [f"POST {path} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


def complete(data: bytes | bytearray) -> bool:
    """Whether `data` is a whole response."""
    end = data.find(b"\r\n\r\n") + 4
    if end < 4:
        return False
    if length := _LENGTH.search(data, 0, end):
        return len(data) >= end + int(length[1])
    return data.endswith(b"0\r\n\r\n") if _CHUNKED.search(data, 0, end) else True


def server_timing_ms(header: str) -> dict[str, float]:
    """Milliseconds per phase, from the value of a Server-Timing header."""
    return {phase: float(ms) for phase, ms in re.findall(r"([\w-]+);dur=([\d.]+)", header)}


class Answer(NamedTuple):
    """A response; `phases_ms` are from its Server-Timing header."""

    status: int
    body: bytes
    phases_ms: dict[str, float]


def ask(port: int, request: bytes, timeout_s: float) -> Answer:
    """Send `request` on a new connection. Raises `OSError`."""
    data = bytearray()
    with socket.create_connection((HOST, port), timeout_s) as connection:
        connection.sendall(request)
        while not complete(data):
            received = connection.recv(1 << 18)
            if not received:
                raise ConnectionResetError("the server closed the connection")
            data += received
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    timing = re.search(r"(?im)^server-timing:(.*)$", head.decode("latin-1"))
    return Answer(int(head[9:12]), body, server_timing_ms(timing[1]) if timing else {})


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
