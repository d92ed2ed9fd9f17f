"""Requests with large bodies start a few at a time, in the order in which they came.

One that waits here is its head and the first kilobytes of its body, unread in the connection. One that has started is
also a task with a frame and some objects for every layer of the framework: three times the memory, a tenth of a
millisecond of work, and more for the garbage collector to look at. Two thousand that start at once keep everyone else
waiting for that, and leave holes in Python's own heap, which only `malloc` could give back.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

MAX_STARTED: Final = 64
"""Of 1 MiB each, they fill the memory budget (`MAX_BYTES_IN_FLIGHT`)."""
REFUSED: Final = "predictor.refused"
"""The key in the scope of a request that has waited too long, or found too many waiting."""
_AT_ONCE: Final = 16
"""So many are refused between two turns of the event loop."""

Start = Callable[[bool], None]
"""Start a request: to be answered (true; `StartQueue.leave` must follow), or to be refused."""


class StartQueue:
    """The queue of one process. All methods run in its event loop."""

    def __init__(self, *, max_requests: int, timeout_s: float) -> None:
        """`max_requests` may have started or wait; `timeout_s` is how long one may wait."""
        self._max_requests = max_requests
        self._timeout_s = timeout_s
        self._started = 0
        self._waiting: deque[tuple[float, Start]] = deque()
        self._refusing = False

    def enter(self, start: Start) -> None:
        """Start it now or later."""
        if self._started < MAX_STARTED and not self._waiting:
            self._started += 1
            start(True)
        elif self._started + len(self._waiting) >= self._max_requests:
            start(False)
        else:
            loop = asyncio.get_running_loop()
            self._waiting.append((loop.time() + self._timeout_s, start))
            if not self._refusing:
                self._refusing = True
                loop.call_at(self._waiting[0][0], self._refuse)

    def leave(self) -> None:
        """A started request has been answered."""
        self._started -= 1
        if self._waiting and self._started < MAX_STARTED:
            self._started += 1
            self._waiting.popleft()[1](True)

    def _refuse(self) -> None:
        """Refuse those whose time is over, and look again when the time of the next one is."""
        loop = asyncio.get_running_loop()
        for _ in range(_AT_ONCE):
            if not self._waiting or self._waiting[0][0] > loop.time():
                break
            self._waiting.popleft()[1](False)
        self._refusing = bool(self._waiting)
        if self._waiting:
            loop.call_at(self._waiting[0][0], self._refuse)
