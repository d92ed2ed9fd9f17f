"""`POST /predict` with CSV or NDJSON of any length: answered line by line while the body is still arriving.

Each stream has a thread that scores one block after the other, as a file is scored. It reads and writes through the
event loop and waits for both, so a slow reader slows the sender, and a stream takes a few megabytes however long it is.
"""

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, TypeVar

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from predictor.artifacts import ModelCache
from predictor.bulk import FileFormat, ScoredLines
from predictor.errors import InvalidInput, PredictorError, UnusableFile, Violation
from predictor.models import LoadedModel
from predictor.service import check_coverage
from predictor.telemetry import log, request_id
from predictor.web.admission import Admission
from predictor.web.body import BODY_TIMEOUT_S, COMPLETE, HOLD
from predictor.web.parameters import Parameters
from predictor.web.problems import HttpProblem, problem_document
from predictor.web.responses import BytesResponse
from predictor.web.timing import FirstAnswer

T = TypeVar("T")

STREAM_BYTES: Final = 4 * 1024 * 1024
"""What one stream holds of the memory budget: a block, and the answers to it in their steps."""
GATHER_S: Final = 0.01
"""Rows that arrive within so long are scored together; scoring each by itself would take many times as long."""
_MARK_BYTES: Final = 3
"""A byte order mark is recognised only as a whole."""
_NDJSON: Final = b"application/x-ndjson"


class Streams:
    """Answers streams within the memory budget, and scores one block at a time of all of them."""

    def __init__(
        self, models: ModelCache[LoadedModel], first_answer: FirstAnswer, admission: Admission, max_bytes: int
    ) -> None:
        self._models = models
        self._first_answer = first_answer
        self._admission = admission
        self._max_bytes = max_bytes
        self._turn = threading.Lock()

    async def answer(self, request: Request, file_format: FileFormat, parameters: Parameters) -> BytesResponse:
        """The answer, once its first line is known. Raises `HttpProblem` or `InvalidInput` where it is none."""
        if parameters.explain:
            raise InvalidInput([Violation("", "unknown_value", "The rows of a stream are not explained.")])
        declared = dict(request.scope["headers"]).get(b"content-length", b"0")
        if int(declared) > self._max_bytes:
            raise _too_large(self._max_bytes)
        request.scope[HOLD] = await self._admission.hold(STREAM_BYTES)
        model = self._models.current or await self._models.get()
        if parameters.coverage is not None:
            check_coverage(model, parameters.coverage)
        started = time.perf_counter()
        body = _Body(request, self._max_bytes)
        worker = _Worker(body, self._turn)
        lines = ScoredLines(model, worker, file_format, live=True, coverage=parameters.coverage)
        worker.start(lines)
        try:
            first = await worker.next_piece()
        except BaseException:
            worker.stop()
            raise
        request.scope[COMPLETE] = True  # The rest belongs to the answer.
        response = _StreamResponse(first, worker, request_id(request.scope["headers"]))
        response.server_timing = self._first_answer.prediction(model, (time.perf_counter() - started) * 1000)
        return response


class _StreamResponse(BytesResponse):
    """Sends what the worker makes. An error ends it with a problem document as the last line."""

    def __init__(self, first: bytes | None, worker: "_Worker", name: bytes) -> None:
        """`name` is the id of the request, for the problem document."""
        super().__init__(b"", _NDJSON)
        self.raw_headers = [(b"content-type", _NDJSON)]
        self._first = first
        self._worker = worker
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            piece = self._first
            while piece is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await self._next_piece()
            await send({"type": "http.response.body", "body": b""})
        except ClientDisconnect:
            pass
        finally:
            self._worker.stop()
            if self.on_sent is not None:
                self.on_sent()

    async def _next_piece(self) -> bytes | None:
        try:
            return await self._worker.next_piece()
        except PredictorError as error:
            failure = error.without_frames()  # This one has all that waits to be sent.
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001  The edge: the caller gets a problem, the log gets the traceback.
            log(logging.ERROR, "unhandled_error", f"Unhandled {type(error).__name__}.", error=error)
            failure = PredictorError()
        self._worker.finish()
        return orjson.dumps(problem_document(failure, self._name)[0]) + b"\n"


class _Body:
    """The bytes of a request as they arrive, up to a limit."""

    def __init__(self, request: Request, max_bytes: int) -> None:
        self._request = request
        self._max_bytes = max_bytes
        self._seen_bytes = 0
        self._buffer = bytearray()
        self._more = True
        self._receiving: asyncio.Future[Message] | None = None

    async def read(self, size: int) -> bytes:
        """What there is, at most `size` bytes; nothing at the end. Raises `HttpProblem` or `ClientDisconnect`."""
        least = 1 if self._seen_bytes else _MARK_BYTES
        while self._more and len(self._buffer) < least:
            if not await self._receive(BODY_TIMEOUT_S):
                raise HttpProblem(HTTPStatus.REQUEST_TIMEOUT, "The body did not go on in time.")
        clock = asyncio.get_running_loop().time
        gather_until = clock() + GATHER_S
        while self._more and len(self._buffer) < size and await self._receive(gather_until - clock()):
            pass
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def close(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()

    async def _receive(self, timeout_s: float) -> bool:
        """Whether more has come in time. What comes later is not lost."""
        if self._receiving is None:
            self._receiving = asyncio.ensure_future(self._request.receive())
        done, _ = await asyncio.wait({self._receiving}, timeout=timeout_s)
        if not done:
            return False
        message = self._receiving.result()
        self._receiving = None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        self._more = message.get("more_body", False)
        if not self._more:
            self._request.scope[COMPLETE] = True
        self._seen_bytes += len(chunk)
        if self._seen_bytes > self._max_bytes:
            raise _too_large(self._max_bytes)
        self._buffer += chunk
        return True


class _Worker:
    """The thread of one stream, and the hand-over of bytes between it and the event loop.

    The turn is the thread's while it scores, and anybody's while it waits.
    """

    def __init__(self, body: _Body, turn: threading.Lock) -> None:
        self._body = body
        self._turn = turn
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(maxsize=1)
        self._waits_for: Future[Any] | None = None
        self._stopped = False
        self._finished = False

    def start(self, lines: ScoredLines) -> None:
        run = contextvars.copy_context().run  # Log lines then carry the trace of the request.
        threading.Thread(target=run, args=(self._run, lines), name="score-stream", daemon=True).start()

    async def next_piece(self) -> bytes | None:
        """Some lines; None after the last ones. Raises what ended the stream."""
        if self._finished:
            return None
        piece = await self._pieces.get()
        if isinstance(piece, UnusableFile):
            raise InvalidInput([Violation("", "wrong_type", f"This cannot be read: {piece}.")]) from piece
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def finish(self) -> None:
        """There are no more pieces."""
        self._finished = True

    def stop(self) -> None:
        """Nobody wants the rest."""
        self._stopped = True
        if self._waits_for is not None:
            self._waits_for.cancel()
        self._body.close()

    def read(self, size: int, /) -> bytes:
        """For the thread: the next bytes of the body."""
        return self._wait_for(self._body.read(size))

    def _run(self, lines: ScoredLines) -> None:
        with self._turn, suppress(CancelledError):  # Nobody wants the rest.
            self._hand_over(self._score(lines))

    def _score(self, lines: ScoredLines) -> BaseException | None:
        """What ends the stream."""
        try:
            for piece in lines:
                self._hand_over(piece)
        except CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  Whatever it is belongs to whoever waits.
            return error
        return None

    def _hand_over(self, piece: bytes | BaseException | None) -> None:
        self._wait_for(self._pieces.put(piece))

    def _wait_for(self, step: Coroutine[Any, Any, T]) -> T:
        self._turn.release()
        try:
            self._waits_for = future = asyncio.run_coroutine_threadsafe(step, self._loop)
            if self._stopped:
                future.cancel()
            return future.result()
        finally:
            self._turn.acquire()


def _too_large(limit_bytes: int) -> HttpProblem:
    return HttpProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A stream may have at most {limit_bytes} bytes.")
