"""Between the emulator and the function: what the Pub/Sub service and Cloud Run do, and the emulator does not.

Adds `deliveryAttempt` and `orderingKey` to a push (the service does; the emulator leaves them out), holds a push while
no process is there (Cloud Run queues it), and records what was answered. `chaos` adds a header to a delivery, by
which tests/support/chaotic_main.py injects a fault.
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

HOLD_S = 20.0

Chaos = Callable[[dict[str, str], int], str]
"""From a message's attributes and its delivery attempt to the fault to inject; "" for nothing."""


@dataclass
class PushGateway:
    """Listens on a free port; forwards to `backend`, which may change."""

    backend: str = ""
    chaos: Chaos = lambda *_: ""
    answers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """By subscription and message id (with a space between), the statuses that the deliveries so far ended with."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._attempts: dict[str, int] = defaultdict(int)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._client = httpx.Client(timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
        self._busy = 0
        self.last_seen = time.monotonic()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def idle_s(self) -> float:
        """How long nothing has been delivered."""
        with self._lock:
            return 0.0 if self._busy else time.monotonic() - self.last_seen

    def deliver(self, body: bytes) -> int:
        push: dict[str, Any] = json.loads(body)
        message = push["message"]
        name = f"{push['subscription']} {message['messageId']}"
        attributes = message.get("attributes", {})
        with self._lock:
            self._busy += 1
            self._attempts[name] += 1
            push["deliveryAttempt"] = self._attempts[name]
        if "key" in attributes:
            message["orderingKey"] = attributes["key"]
        headers = {"content-type": "application/json", "x-chaos": self.chaos(attributes, push["deliveryAttempt"])}
        status = self._forward(json.dumps(push).encode(), headers)
        with self._lock:
            self._busy -= 1
            self.last_seen = time.monotonic()
            self.answers[name].append(status)
        return status

    def _forward(self, body: bytes, headers: dict[str, str]) -> int:
        deadline = time.monotonic() + HOLD_S
        while time.monotonic() < deadline:
            try:
                return self._client.post(self.backend, content=body, headers=headers).status_code
            except httpx.ConnectError:
                time.sleep(0.05)  # Nothing listens yet: a process is being started.
            except httpx.TransportError:
                return 502  # The process died while it handled the request.
        return 504

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()


def _handler_of(gateway: PushGateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # Else a body waits 40 ms for the acknowledgement of its headers.

        def do_POST(self) -> None:
            status = gateway.deliver(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response_only(status)
            if status != 204:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            pass

    return Handler
