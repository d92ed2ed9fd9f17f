"""Requests to Cloud Storage that end: at an instant, and after so many bytes.

The HTTP client's own timeouts are for each address that it connects to and for each piece that it receives. A server
that sends a byte now and then meets all of them for ever, and so does a name with many addresses that do not answer.
Here every wait of a request ends at one instant, its `GcsTimeout`, so the thread that waits ends too. Answers that are
kept in memory as a whole have a size limit. Importing this module imports `requests`, so `predictor.gcs` does it when
it makes a client.
"""

import functools
import http.client
import io
import re
import socket
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError
from urllib3.util.connection import create_connection

from predictor.gcs_timeout import AnswerTooLarge, GcsTimeout

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""Of a listing, of an object's metadata, of an error: a page of 1,000 names has about 1 MB at most."""

_RANGE: Final = re.compile(r"bytes=([0-9]+)-([0-9]+)")
_current: ContextVar[GcsTimeout | None] = ContextVar("timeout", default=None)


class DeadlineAdapter(HTTPAdapter):
    """Sends requests whose timeout is a `GcsTimeout`; others as usual."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> requests.Response:
        if not isinstance(timeout, GcsTimeout):
            return super().send(request, stream, timeout, *args, **kwargs)
        timeout.attempts += 1
        remaining_s = timeout.remaining_s()
        if remaining_s <= 0:
            raise requests.Timeout("no time is left")
        connect_s, read_s = timeout
        token = _current.set(timeout)
        try:
            timeouts = (min(connect_s, remaining_s), min(read_s, remaining_s))
            # As a stream even if it is none: what follows would read the answer without a limit.
            response = super().send(request, True, timeouts, *args, **kwargs)
        finally:
            _current.reset(token)
        if not stream or not response.ok:
            _read_all(response)
        elif match := _RANGE.fullmatch(_text(request.headers.get("range", ""))):
            _limit(response, int(match[2]) - int(match[1]) + 1)
        return response


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _read_all(response: requests.Response) -> None:
    _limit(response, MAX_ANSWER_BYTES)
    _ = response.content  # Keeps it.


def _limit(response: requests.Response, most: int) -> None:
    """Stop the answer's stream after `most` bytes."""
    stream = response.raw.stream

    def limited(*args: Any, **kwargs: Any) -> Iterator[bytes]:
        size = 0
        for piece in stream(*args, **kwargs):
            size += len(piece)
            if size > most:
                response.close()
                raise AnswerTooLarge(most)
            yield piece

    response.raw.stream = limited  # type: ignore[method-assign]


class _DeadlineConnection(HTTPConnection):
    """One that connects to any address of a name, and reads an answer, until an instant."""

    def _new_conn(self) -> socket.socket:
        timeout = _current.get()
        if timeout is None:
            return super()._new_conn()
        connect_s = self.timeout if isinstance(self.timeout, int | float) else timeout.remaining_s()
        ends = time.monotonic() + connect_s
        return self._connect_until(ends, super()._new_conn)

    def _connect_until(self, ends: float, connect: Any) -> socket.socket:
        host, port = self._dns_host.strip("[]"), self.port
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            return connect()  # type: ignore[no-any-return]  # It raises the client's own error.
        error: OSError | None = None
        for tried, (*_, address) in enumerate(addresses):
            left = len(addresses) - tried
            share_s = max((ends - time.monotonic()) / left, 0.1)
            try:
                return create_connection(
                    (str(address[0]), int(address[1])),
                    share_s,
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as failed:
                error = failed
            if time.monotonic() >= ends:
                break
        raise ConnectTimeoutError(f"{host} could not be connected to: {error}") from error

    def getresponse(self) -> Any:
        timeout = _current.get()
        if timeout is not None:
            self.response_class = functools.partial(_DeadlineResponse, timeout)  # type: ignore[assignment]
        return super().getresponse()


class _DeadlineTlsConnection(_DeadlineConnection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _DeadlineConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _DeadlineTlsConnection


class _DeadlineResponse(http.client.HTTPResponse):
    """An answer whose every read ends at the same instant."""

    def __init__(self, timeout: GcsTimeout, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_DeadlineReader(sock, timeout))


class _DeadlineReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, timeout: GcsTimeout) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._timeout = timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining_s = self._timeout.remaining_s()
        if remaining_s <= 0:
            raise TimeoutError("no time is left")
        self._socket.settimeout(remaining_s)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
