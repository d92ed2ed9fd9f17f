"""Callers of `predict`: ordinary ones, some that send nonsense, some that read or write slowly, some that hang up."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from typing import Final

from benchmarks.soak.birds import BAD_ROW, Birds, Body
from benchmarks.soak.record import Answer, Outcome, Record

HOST: Final = "127.0.0.1"
HEADERS: Final = {"Content-Type": "application/json"}
HOLD_S: Final = 20.0
"""Cloud Run keeps a request while an instance starts; so does a caller here, while nothing listens."""
IDLE_S: Final = 4.0
"""A connection that was idle for longer is not used again: the server closes it after five seconds."""
READ_BYTES: Final = 4096
READ_PAUSE_S: Final = 0.1

Port = Callable[[], int]
"""The port of the process that runs now."""
Check = Callable[[int, bytes], Outcome]


def plain_right(body: Body) -> Check:
    def check(status: int, data: bytes) -> Outcome:
        if status != 200:
            return "error"
        return "right" if json.loads(data) == {"prediction": body.species[0]} else "wrong"

    return check


def batch_right(body: Body) -> Check:
    def check(status: int, data: bytes) -> Outcome:
        if status != 200:
            return "error"
        species = tuple(row.get("prediction") for row in json.loads(data)["predictions"])
        return "right" if species == body.species else "wrong"

    return check


def invalid_right(status: int, data: bytes) -> Outcome:
    return "right" if status == 422 and b'"errors"' in data else "error"


def answered(status: int, data: bytes) -> Outcome:
    """Whatever the answer says: what the function without a model gives."""
    return "right" if status == 200 and data else "error"


class Caller:
    """One connection that is used again, and opened again when it breaks."""

    def __init__(self, record: Record, function: str, port: Port) -> None:
        self._record = record
        self._function = function
        self._port = port
        self._connection: HTTPConnection | None = None
        self._used = 0.0

    def ask(self, kind: str, body: bytes, check: Check) -> None:
        began_s = self._record.now_s
        outcome, detail = self._answer(body, check)
        took_s = self._record.now_s - began_s
        self._record.answers.append(Answer(self._function, kind, began_s, took_s, outcome, detail))

    def _answer(self, body: bytes, check: Check) -> tuple[Outcome, str]:
        deadline = time.monotonic() + HOLD_S
        while True:
            try:
                idle_s = time.monotonic() - self._used
                if self._connection is None or self._connection.port != self._port() or idle_s > IDLE_S:
                    self._connection = HTTPConnection(HOST, self._port(), timeout=30)
                self._connection.request("POST", "/predict", body, HEADERS)
                response = self._connection.getresponse()
                data = response.read()
                self._used = time.monotonic()
            except ConnectionRefusedError as error:
                self._connection = None
                if time.monotonic() > deadline or self._record.over.is_set():
                    return "lost", str(error)
                time.sleep(0.05)
            except (OSError, HTTPException) as error:
                self._connection = None
                return "lost", repr(error)
            else:
                return (
                    ("refused", "") if response.status == 503 else (check(response.status, data), str(response.status))
                )


def _paced(record: Record, per_s: float) -> Iterator[None]:
    """Yields at a rate, until the run is over. A slow answer is not made up for."""
    while not record.over.wait(1 / per_s):
        yield


def ask_plain(
    record: Record, function: str, port: Port, birds: Birds, *, per_s: float, check: Check | None = None
) -> None:
    """One bird at a time. `check` replaces the comparison with what the model says."""
    caller = Caller(record, function, port)
    for _, body in zip(_paced(record, per_s), cycle(birds.singles), strict=False):
        caller.ask("one bird", body.data, check or plain_right(body))


def ask_batches(record: Record, function: str, port: Port, birds: Birds) -> None:
    caller = Caller(record, function, port)
    for turn, _ in enumerate(_paced(record, 2)):
        if turn % 2:
            caller.ask("invalid", BAD_ROW, invalid_right)
        else:
            caller.ask("batch of 100", birds.batch.data, batch_right(birds.batch))


def read_slowly(record: Record, function: str, port: Port, birds: Birds) -> None:
    """Every other time it hangs up in the middle of the answer, which nobody can then check."""
    body = birds.large_batch
    for turn, _ in enumerate(_paced(record, 0.5)):
        hang_up = bool(turn % 2)
        began_s = record.now_s
        try:
            with closing(_connect(port())) as connection:
                connection.sendall(_request(body.data))
                data = _read_slowly(connection, until_bytes=40_000 if hang_up else 10**9)
            outcome: Outcome = "right" if hang_up and data else _checked(data, body)
        except ConnectionRefusedError:
            continue  # It is being started.
        except OSError as error:
            outcome, data = "lost", repr(error).encode()
        kind = "hangs up" if hang_up else "reads slowly"
        record.answers.append(Answer(function, kind, began_s, record.now_s - began_s, outcome, repr(data[:80])))


def write_slowly(record: Record, function: str, port: Port, birds: Birds) -> None:
    body = birds.batch
    request = _request(body.data)
    for _ in _paced(record, 0.5):
        began_s = record.now_s
        try:
            with closing(_connect(port())) as connection:
                for start in range(0, len(request), 4096):
                    connection.sendall(request[start : start + 4096])
                    time.sleep(0.2)
                data = _read_slowly(connection, until_bytes=10**9)
            outcome = _checked(data, body)
        except ConnectionRefusedError:
            continue
        except OSError as error:
            outcome, data = "lost", repr(error).encode()
        record.answers.append(
            Answer(function, "writes slowly", began_s, record.now_s - began_s, outcome, repr(data[:80]))
        )


def _connect(port: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # Before connecting, so that the server feels it.
    connection.settimeout(30)
    connection.connect((HOST, port))
    return connection


def _request(body: bytes) -> bytes:
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


def _read_slowly(connection: socket.socket, until_bytes: int) -> bytes:
    parts = []
    while until_bytes > 0 and (part := connection.recv(READ_BYTES)):
        parts.append(part)
        until_bytes -= len(part)
        time.sleep(READ_PAUSE_S)
    return b"".join(parts)


def _checked(data: bytes, body: Body) -> Outcome:
    head, _, answer = data.partition(b"\r\n\r\n")
    if not head:
        return "lost"
    status = int(head.split(maxsplit=2)[1])
    return "refused" if status == 503 else batch_right(body)(status, answer)
