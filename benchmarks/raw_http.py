"""HTTP requests and answers as plain bytes, for the load generator.

An HTTP client library would use more CPU than some contenders do, and the benchmarks would measure the client.
"""

import re
from typing import Final

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
