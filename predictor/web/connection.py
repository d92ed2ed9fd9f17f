"""HTTP/1.1 connections: uvicorn's protocol, with the limits and the orderly end that it lacks.

gunicorn's worker makes one for each connection, as `predictor.web.server` tells it to. What uvicorn does itself stays
as it is; each method here says what it adds.
"""

import fcntl
import socket
import struct
import termios
from asyncio import TimerHandle, Transport
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from predictor.telemetry import add_execution_id
from predictor.web.admission import REFUSED, StartQueue, has_large_body
from predictor.web.cycle import EXTENSIONS, Cycle

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of request line and headers. What arrives in one read, up to 256 KiB, is accepted beyond it."""
HEAD_TIMEOUT_S: Final = 30.0
"""From the first byte, or from the start of the connection, to the end of the headers."""
MAX_PIPELINED: Final = 64
"""Requests of one connection that wait for the answer before theirs. A later one ends the connection after them."""
RECEIVE_BUFFER_BYTES: Final = 32 * 1024
"""Of the socket. The event loop reads what has arrived before anyone asks for it, up to 256 KiB for each connection."""
READ_AHEAD_BYTES: Final = 16 * 1024
"""Of a body, before the function asks for it."""
ANSWER_TIMEOUT_S: Final = 60.0
"""How long a client may leave more than 64 KiB of its answer unread."""
LINGER_S: Final = 2.0
"""How long a client may go on sending after an answer that ends the connection (RFC 9112, section 9.6)."""
MAX_LINGER_BYTES: Final = 4 * 1024 * 1024
"""How much of that is read and thrown away."""
IDLE_GRACE_S: Final = 0.5
"""After SIGTERM an idle connection is kept so long: its next request may be on the way."""
BODY_GRACE_S: Final = 5.0
"""After SIGTERM a body that is not complete may take so long; Cloud Run kills the process after 10 s."""
_UNREAD_AGAIN_S: Final = 0.01

# uvicorn makes its cycles by this name; there is no other way to have them made of another class.
httptools_impl.RequestResponseCycle = Cycle  # type: ignore[misc]


class _TooManyPipelined(Exception):
    pass


class _Trailers(list[tuple[bytes, bytes]]):
    """Where the headers after a chunked body go: nobody reads them, and there may be any number."""

    def append(self, header: tuple[bytes, bytes], /) -> None:
        pass


_TRAILERS: Final = _Trailers()


class Connection(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(self, *args: Any, starts: StartQueue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._starts = starts
        self._answering: RequestResponseCycle | None = None  # `cycle` is the newest request, this one the oldest.
        self._in_head = False
        self._head_bytes = 0
        self._head_timer: TimerHandle | None = None
        self._answer_timer: TimerHandle | None = None
        self._upgrade = False  # The request that is being parsed asks for another protocol.
        self._ignores_input = False
        self._ignored_bytes = 0
        self._process_ends = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Also tells the request that is being answered, where others have been sent ahead behind it."""
        self._nobody_waits_for(self._answering)
        super().connection_lost(exc)
        self._stop_head_timer()
        self._stop_answer_timer()

    @staticmethod
    def _nobody_waits_for(cycle: RequestResponseCycle | None) -> None:
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()

    def pause_writing(self) -> None:
        """Also ends the connection of a client that does not read its answer: the memory is needed."""
        super().pause_writing()
        if self._answer_timer is None:
            self._answer_timer = self.loop.call_later(ANSWER_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_answer_timer()

    def _stop_answer_timer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    def data_received(self, data: bytes) -> None:
        """Also limits the head, and goes on when a client offers another protocol (uvicorn's issue 2722)."""
        self._unset_keepalive_if_required()
        if self._ignores_input:
            if self._answer_is_due():
                self.flow.pause_reading()
                return
            self._ignored_bytes += len(data)
            if self._ignored_bytes > MAX_LINGER_BYTES:
                self.transport.abort()
            return
        head_goes_on = self._in_head
        self._parse(data)
        cycle = self.cycle
        if cycle is not None and cycle.more_body and len(cycle.body) > READ_AHEAD_BYTES:
            self.flow.pause_reading()
        if self._in_head:  # After most reads it is not: the headers come at once.
            self._count_head(len(data) if head_goes_on else 0)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, _TooManyPipelined):
                self._ignores_input = True
                self.cycle.keep_alive = False
            else:
                self.refuse(HTTPStatus.BAD_REQUEST, "Invalid HTTP request received.")

    def _answer_is_due(self) -> bool:
        """Whether a complete request waits for its answer: then what is wrong came after it."""
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Parse the same request again without its `Upgrade`: a server need not take the offer (RFC 9110, 7.8).

        The parser takes everything after such headers for another protocol, so the body would be lost.
        """
        method = self.parser.get_method()
        self._upgrade = False
        if method == b"CONNECT":  # Which means a tunnel, whatever the headers say.
            self.refuse(HTTPStatus.METHOD_NOT_ALLOWED, "CONNECT is not allowed here.")
            return
        version = self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)  # The old one has seen the end of a request without a body.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # As uvicorn does.
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self._parse(b"\r\n".join([*lines, b"", b""]))
        if rest and not self._ignores_input:
            self._parse(rest)

    def _count_head(self, more_bytes: int) -> None:
        self._head_bytes += more_bytes
        if self._head_bytes > MAX_HEAD_BYTES:
            self.refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"The request line and the headers may have at most {MAX_HEAD_BYTES} bytes.",
            )
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._in_head:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "The headers did not arrive in time.")
        else:
            self._close_if_idle()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._stop_head_timer()
        if self.parser.should_upgrade():
            self._upgrade = True
            return
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _TooManyPipelined
        self.scope["extensions"] = EXTENSIONS
        super().on_headers_complete()
        self.headers = _TRAILERS
        if self._process_ends:
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        """Also gives the request an execution id, and lets one with a large body wait for others of its kind."""
        self._answering = cycle
        headers: list[tuple[bytes, bytes]] = cycle.scope["headers"]  # type: ignore[assignment]
        add_execution_id(headers)
        if has_large_body(headers):
            self._starts.enter(partial(self._start_large, cycle, app))
        else:
            super()._start_asgi_task(cycle, app)  # type: ignore[arg-type]

    def _start_large(self, cycle: RequestResponseCycle, app: ASGIApp, answer: bool) -> None:
        async def leaving(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            finally:
                self._starts.leave()

        if not answer:
            cycle.scope[REFUSED] = True  # type: ignore[typeddict-unknown-key]
        super()._start_asgi_task(cycle, leaving if answer else app)  # type: ignore[arg-type]

    def on_message_complete(self) -> None:
        if not self._upgrade:
            super().on_message_complete()

    def refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Answer what is no request, after all complete requests before it (RFC 9112, 9.3.2); end the connection."""
        if self.transport.is_closing() or self._ignores_input:
            return
        self._ignores_input = True
        self._in_head = False
        self._stop_head_timer()
        if self.pipeline and self.cycle.more_body:  # What is wrong is in the newest request.
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self._answering  # type: ignore[assignment]
        text = sentence.encode()
        end = partial(
            self._end,
            b"%bcontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (STATUS_LINE[status], len(text), text),
        )
        if self._answer_is_due():
            self.cycle.on_response = end
        else:
            end()

    def _end(self, answer: bytes) -> None:
        """Send the last answer, and end the connection, but not before the client can have read it."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(answer)
        self._nobody_waits_for(self.cycle)
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(ANSWER_TIMEOUT_S if self.flow.write_paused else LINGER_S, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """Also looks whether a request has just arrived: closing would reset it."""
        self._close_if_idle()

    def shutdown(self) -> None:
        """SIGTERM. Requests that are on the way are answered, with `Connection: close`; then the connection ends."""
        self._process_ends = True
        if self._is_idle():
            self.loop.call_later(IDLE_GRACE_S, self._close_if_idle)
        elif self.cycle is not None:
            self.cycle.keep_alive = False
        self.loop.call_later(BODY_GRACE_S, self._give_up_body)

    def _give_up_body(self) -> None:
        waits = self.cycle is not None and self.cycle.more_body and not self.cycle.response_started
        if self._in_head or waits:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The request did not arrive before the process had to end.")

    def _is_idle(self) -> bool:
        return not self._in_head and (self.cycle is None or self.cycle.response_complete)

    def _close_if_idle(self) -> None:
        if self.transport.is_closing() or not self._is_idle():
            return
        if _unread_bytes(self.transport):
            self.loop.call_later(_UNREAD_AGAIN_S, self._close_if_idle)
        else:
            self.transport.close()


def _unread_bytes(transport: Transport) -> int:
    """How much has arrived that the event loop has not read yet."""
    answer = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.FIONREAD, bytes(4))
    return int(struct.unpack("i", answer)[0])
