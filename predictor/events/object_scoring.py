"""What the endpoint asks of whoever scores files: a small protocol, and a thread that may be left behind."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

from predictor.models.loader import LoadedModel

T = TypeVar("T")


class ObjectResult(Protocol):
    """What came of an object."""

    @property
    def rows(self) -> int: ...
    @property
    def rejected_rows(self) -> int: ...
    @property
    def result_uri(self) -> str: ...


class ObjectScorer(Protocol):
    """Scores one object of a bucket and stores its scored rows, at most once however often it is asked."""

    def score(self, model: LoadedModel, bucket: str, name: str, generation: int) -> ObjectResult:
        """Blocks. Raises `BadObject` (never to be scored) or `StoreUnavailable` (asking again may help)."""
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
    # Shielded: a thread that is at work cannot be cancelled, only left alone.
    return await asyncio.shield(asyncio.wrap_future(future))
