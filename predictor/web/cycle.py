"""A request and its answer on a connection: uvicorn's cycle, which here also takes a whole answer at once.

uvicorn writes the head and the body of an answer separately: two system calls, and a client that wakes up twice.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

from predictor.web.responses import WHOLE_ANSWER

EXTENSIONS: Final[dict[str, dict[object, object]]] = {WHOLE_ANSWER: {}}
"""What a request's scope says of the messages that its `send` understands (ASGI, "Extensions")."""


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    async def receive(self) -> Any:
        """Also gives a body that has arrived to its end, as most have, without waiting for anything."""
        arrived = not self.more_body and self.message_event.is_set()
        if not arrived or self.waiting_for_100_continue or self.disconnected or self.response_complete:
            return await super().receive()
        self.message_event.clear()
        self.flow.resume_reading()
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Any) -> None:
        if message["type"] != WHOLE_ANSWER:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        headers = [*self.default_headers, *message["headers"]]
        if HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
            raise RuntimeError("A header's value has a control character in it.")
        if (b"connection", b"close") in headers:
            self.keep_alive = False
        elif not self.keep_alive:
            headers.append((b"connection", b"close"))
        parts = [STATUS_LINE[message["status"]]]
        for name, value in headers:
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"\r\n")
        if self.scope["method"] != "HEAD":
            parts.append(message["body"])
        self.response_started = True
        self.waiting_for_100_continue = False
        self.transport.write(b"".join(parts))
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
