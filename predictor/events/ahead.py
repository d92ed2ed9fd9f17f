"""Make an iterator's next items while the last ones are being used: scoring goes on while the store is waited for."""

import threading
from collections.abc import Generator, Iterator
from queue import Empty, Queue
from typing import Final, TypeVar

T = TypeVar("T")

_END: Final = object()


def ahead(items: Iterator[T], depth: int) -> Generator[T, None, None]:
    """The same items, made in a thread that is at most `depth` of them ahead; its exception is raised here.

    The thread has ended when this has: at the end, at an exception, and when the generator is closed.
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

    thread = threading.Thread(target=make, name="ahead", daemon=True)
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
