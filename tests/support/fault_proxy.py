"""A proxy in front of the object store, or a function, that counts requests and breaks chosen answers on the wire."""

import gzip
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from backports import zstd

Headers = list[tuple[str, str]]


@dataclass
class Answer:
    """What the store answered, for a fault to change before it is sent on."""

    status: int
    headers: Headers
    body: bytes
    sent_bytes: int | None = None  # Stop after so many bytes of the body, and close the connection.
    reset: bool = False  # Close with a TCP reset instead of answering.
    pause_s: float = 0.0  # Wait before the body.
    trickle_s: float = 0.0  # Wait after each byte of the body.
    endless: bool = False  # The body again and again, without an end.


def replace_in(answer: Answer, old: bytes, new: bytes) -> None:
    """Replace bytes of an answer. A large one comes compressed, and goes on as it is."""
    for name, coding in answer.headers:
        if name.lower() == "content-encoding":
            answer.body = {"gzip": gzip.decompress, "zstd": zstd.decompress}[coding](answer.body)
    answer.headers = [header for header in answer.headers if header[0].lower() != "content-encoding"]
    answer.body = answer.body.replace(old, new)


Fault = Callable[[str, Answer], None]
"""Called with the request's path and the answer; changes the answer."""


@dataclass
class FaultProxy:
    """Listens on a free port; `fault` may be set and cleared while it runs."""

    upstream_port: int
    fault: Fault | None = None
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def only(part: str, change: Callable[[Answer], None], times: int = 10**9) -> Fault:
    """A fault for the first `times` requests whose path contains `part`."""
    left = [times]

    def fault(path: str, answer: Answer) -> None:
        if part in path and left[0] > 0:
            left[0] -= 1
            change(answer)

    return fault


def _handler_of(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # Else a body waits 40 ms for the acknowledgement of its headers.

        def do_GET(self) -> None:
            proxy.paths.append(self.path)
            proxy.headers.append(dict(self.headers))
            answer = self._ask_upstream()
            if proxy.fault is not None:
                proxy.fault(self.path, answer)
            self._send(answer)

        def _ask_upstream(self) -> Answer:
            length = int(self.headers.get("Content-Length") or 0)
            upstream = http.client.HTTPConnection("127.0.0.1", proxy.upstream_port, timeout=30)
            upstream.request(self.command, self.path, self.rfile.read(length), dict(self.headers))
            response = upstream.getresponse()
            body = response.read()
            upstream.close()
            dropped = {"transfer-encoding", "content-length", "connection"}
            headers = [(k, v) for k, v in response.getheaders() if k.lower() not in dropped]
            return Answer(response.status, headers, body)

        def _send(self, answer: Answer) -> None:
            self.close_connection = True
            if answer.reset:
                # With this the close that follows is a reset, not an orderly end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            self.send_response_only(answer.status)
            framing = ("Transfer-Encoding", "chunked") if answer.endless else ("Content-Length", str(len(answer.body)))
            for name, value in [*answer.headers, framing, ("Connection", "close")]:
                self.send_header(name, value)
            self.end_headers()
            time.sleep(answer.pause_s)
            body = answer.body if answer.sent_bytes is None else answer.body[: answer.sent_bytes]
            try:
                while answer.endless:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(body), body))
                if not answer.trickle_s:
                    self.wfile.write(body)
                else:
                    for index in range(len(body)):
                        self.wfile.write(body[index : index + 1])
                        self.wfile.flush()
                        time.sleep(answer.trickle_s)
            except OSError:
                pass  # The client has closed the connection, as it should.

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            pass

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  the base class's names

    return Handler
