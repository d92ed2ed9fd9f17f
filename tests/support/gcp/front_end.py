"""Where callers reach what is deployed: one address for each service and one for each tag, as on Cloud Run."""

import http.client
import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FrontEnd:
    """Forwards each request to the backend that `choose` names; answers 404 when that is None."""

    def __init__(self, choose: Callable[[], str | None]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(choose))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler_of(choose: Callable[[], str | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body in one packet, sent at once: else each answer waits 40 ms for the caller's acknowledgement.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            backend = choose()
            if backend is None:
                self._send(404, [], b"no such service or tag")
                return
            connection = http.client.HTTPConnection(urllib.parse.urlsplit(backend).netloc, timeout=30)
            try:
                dropped = {"host", "connection", "content-length"}
                headers = {key: value for key, value in self.headers.items() if key.lower() not in dropped}
                connection.request(self.command, self.path, body or None, headers)
                response = connection.getresponse()
                self._send(response.status, response.getheaders(), response.read())
            except OSError as error:
                self._send(503, [], f"the backend does not answer: {error}".encode())
            finally:
                connection.close()

        def _send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            pass

    for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler.do_GET)
    return Handler
