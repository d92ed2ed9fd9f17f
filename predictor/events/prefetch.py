"""Prefetch: make an iterator's next items in a thread, so that scoring goes on while the store is waited for."""

import threading
from collections.abc import Generator, Iterator
from queue import Empty, Queue
from typing import Final, TypeVar

T = TypeVar("T")

_END: Final = object()


def prefetch(items: Iterator[T], depth: int) -> Generator[T, None, None]:
    """The same items, made in a thread that is at most `depth` items ahead. Its exception is raised here.

    The thread ends before this generator does: at the end, at an exception, and when the generator is closed.
    """
    made: Queue[object] = Queue(maxsize=depth)
    closed = threading.Event()
    failures: list[BaseException] = []

    def make() -> None:
        try:
            for item in items:
                made.put(item)
                if closed.is_set():
                    return
        except BaseException as error:  # noqa: BLE001  raised in the thread that waits for it
            failures.append(error)
        made.put(_END)

    thread = threading.Thread(target=make, name="prefetch", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not _END:
            yield item  # type: ignore[misc]  # only items and the end are put
        if failures:
            raise failures[0]
    finally:
        closed.set()
        while thread.is_alive():  # It may wait for room.
            try:
                made.get(timeout=0.01)
            except Empty:
                continue
        thread.join()
