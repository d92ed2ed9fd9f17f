"""What scores the files of a bucket, as the endpoint sees it; and the thread that it runs in."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeVar

from predictor.models import LoadedModel

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """A scored object: its rows, how many of them have an error instead of a prediction, and where the answers are."""

    rows: int
    rejected_rows: int
    result_uri: str


class ObjectScorer(Protocol):
    """Scores one object of a bucket and stores its scored rows, at most once however often it is asked."""

    def score(self, model: LoadedModel, bucket: str, name: str, generation: int) -> ObjectResult:
        """Blocks. Raises `BadObject` (permanent) or `StoreUnavailable` (retryable)."""
        ...


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Run something that may take minutes. Unlike asyncio's own threads, it does not keep the process from ending."""
    future: Future[T] = Future()
    context = contextvars.copy_context()  # Log lines then carry the trace of the request.

    def run() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001  Whatever it is belongs to whoever waits.
            future.set_exception(error)

    threading.Thread(target=run, name="score-object", daemon=True).start()
    # Shielded: a running thread cannot be cancelled, only abandoned.
    return await asyncio.shield(asyncio.wrap_future(future))
