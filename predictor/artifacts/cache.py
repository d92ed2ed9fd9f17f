"""The loaded model: one load at a time, its result kept, its failure kept for a while.

However many requests wait, one thread loads (single flight). A failure is raised for all of them. After it, further
attempts wait, with jitter: longer when the stored model is bad than when the store was out of reach. There is no
background work: a request starts the next attempt, so the function recovers without a restart.
"""

import asyncio
import contextvars
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from predictor.errors import ArtifactError, ModelUnavailable, PredictorError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BackOff:
    """Seconds to wait after the n-th failure in a row: `first_s`, doubled each time, at most `most_s`."""

    first_s: float
    most_s: float

    def delay_s(self, failures: int, jitter: float) -> float:
        """`jitter` in [0, 1) spreads the instances that failed together over the second half of the delay."""
        delay = min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return delay * (0.5 + jitter / 2)


RETRYABLE: Final = BackOff(first_s=0.5, most_s=15.0)
BAD_ARTIFACT: Final = BackOff(first_s=5.0, most_s=120.0)
WAIT_S: Final = 12.0
"""How long one request waits for a load; a little over the load's own budget."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The last attempt's error, and when (`time.monotonic()`) the next may start."""

    error: PredictorError
    retry_at: float
    count: int


class ModelCache(Generic[T]):
    """Holds what `load` returns. `load` runs in a thread of its own and raises `PredictorError` when it fails."""

    def __init__(
        self,
        load: Callable[[], T],
        *,
        on_failure: Callable[[PredictorError, float], None] | None = None,
        retryable: BackOff = RETRYABLE,
        bad_artifact: BackOff = BAD_ARTIFACT,
        wait_s: float = WAIT_S,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._load = load
        self._on_failure = on_failure
        self._retryable = retryable
        self._bad_artifact = bad_artifact
        self._wait_s = wait_s
        self._clock = clock
        self._jitter = jitter
        self._lock = threading.Lock()
        self._flight: Future[T] | None = None
        self.current: T | None = None
        """The loaded model; set once, by one assignment, so reading it needs no lock."""
        self.failure: Failure | None = None

    async def get(self) -> T:
        """The model, loading it if need be. Raises `ModelUnavailable` when there is none in time."""
        if self.current is not None:
            return self.current
        flight = self._join()
        waiting = asyncio.wrap_future(flight)
        waiting.add_done_callback(_retrieve)
        try:
            # Not `asyncio.wait_for`: in Python 3.11 it forgets a cancellation that comes while the load ends.
            async with asyncio.timeout(self._wait_s):
                # Shielded, or the first caller who gives up would cancel the load for everyone.
                return await asyncio.shield(waiting)
        except TimeoutError as error:
            raise self._unavailable(self._give_up(flight)) from error
        except PredictorError as error:
            raise self._unavailable(error) from error

    def get_blocking(self) -> T:
        """As `get`, for callers without an event loop."""
        if self.current is not None:
            return self.current
        flight = self._join()
        try:
            return flight.result(self._wait_s)
        except FutureTimeoutError as error:
            raise self._unavailable(self._give_up(flight)) from error
        except PredictorError as error:
            raise self._unavailable(error) from error

    def _join(self) -> "Future[T]":
        """The load under way, or a new one; raises `ModelUnavailable` while attempts have to wait."""
        with self._lock:
            if self._flight is not None:
                return self._flight
            if self.failure is not None and self._clock() < self.failure.retry_at:
                raise self._unavailable(self.failure.error)
            flight: Future[T] = Future()
            self._flight = flight
        context = contextvars.copy_context()  # The log lines of the load then carry the trace of who asked for it.
        threading.Thread(target=context.run, args=(self._fly, flight), name="load-model", daemon=True).start()
        return flight

    def _fly(self, flight: "Future[T]") -> None:
        try:
            model = self._load()
        except PredictorError as error:
            self._fail(flight, error)
        except Exception as error:  # noqa: BLE001
            # An unexpected error (out of memory, a bug) must not leave the waiting requests without an answer.
            unexpected = PredictorError(f"loading failed unexpectedly: {type(error).__name__}: {error}")
            unexpected.__cause__ = error
            self._fail(flight, unexpected)
        else:
            with self._lock:
                # Also when it comes too late for its own waiters: a good model is a good model.
                self.current = model
                self.failure = None
                in_time = self._flight is flight
                self._flight = None
            if in_time:
                flight.set_result(model)

    def _give_up(self, flight: "Future[T]") -> PredictorError:
        """Fail a load that outlived its waiters, so that a later request can start another.

        The store's requests end before that. A disk, a name server or a model's own code may still take longer.
        """
        error = PredictorError(f"loading did not end within {self._wait_s:g} s")
        self._fail(flight, error)
        return error

    def _fail(self, flight: "Future[T]", error: PredictorError) -> None:
        back_off = self._bad_artifact if isinstance(error, ArtifactError) else self._retryable
        with self._lock:
            if self._flight is not flight:
                return  # It has been given up, or another waiter was first to do so.
            count = self.failure.count + 1 if self.failure else 1
            delay_s = back_off.delay_s(count, self._jitter())
            self.failure = Failure(error, self._clock() + delay_s, count)
            self._flight = None
        if self._on_failure is not None:
            self._on_failure(error, delay_s)
        flight.set_exception(error)

    def _unavailable(self, error: PredictorError) -> ModelUnavailable:
        retry_at = self.failure.retry_at if self.failure else self._clock()
        return ModelUnavailable(str(error), max(0.0, retry_at - self._clock()))


def _retrieve(flight: "asyncio.Future[T]") -> None:
    """Retrieve a failure that nobody waits for any more, so that asyncio does not report it as never retrieved."""
    if not flight.cancelled():
        flight.exception()
