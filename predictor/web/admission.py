"""What an instance takes on at once. More than that waits, and what has waited too long or finds no room is a 503.

Small requests are answered as they come: only their number is limited. A large body is read once there is room for it
in the memory budget, and large bodies are scored one at a time, so that everyone else is answered in between.

Before that, requests with large bodies wait in the `StartQueue` of the server until a few others have been answered.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from starlette.types import Scope

from predictor.web.memory import Trimmer
from predictor.web.problems import HttpProblem, ProblemType

LARGE_BODY_BYTES: Final = 16 * 1024
"""Larger bodies take part in the budget, and take turns when they are scored: about a hundred birds."""
MAX_STARTED: Final = 64
"""Of 1 MiB each, they fill the memory budget (`MAX_BYTES_IN_FLIGHT`)."""
REFUSED: Final = "predictor.refused"
"""The key in the scope of a request that has waited too long, or found too many waiting."""
_AT_ONCE: Final = 16
"""So many are refused between two turns of the event loop."""
RETRY_AFTER_S: Final = 1
OVERLOADED: Final = ProblemType(
    "overloaded", "Service Unavailable", "The service has too much to do now; try again later."
)

Start = Callable[[bool], None]
"""Start a request: to be answered (true; `StartQueue.leave` must follow), or to be refused."""


def overloaded() -> HttpProblem:
    retry_after = (b"retry-after", b"%d" % RETRY_AFTER_S)
    return HttpProblem(HTTPStatus.SERVICE_UNAVAILABLE, OVERLOADED.meaning, [retry_after], OVERLOADED)


class Hold:
    """A part of the memory budget, for one body and its answer."""

    def __init__(self, admission: "Admission", count_bytes: int) -> None:
        self._admission = admission
        self._bytes = count_bytes

    def release(self) -> None:
        """Give it back; again: no further effect."""
        count_bytes, self._bytes = self._bytes, 0
        if count_bytes:
            self._admission.give_back(count_bytes)


class Admission:
    """The limits of one process. Its methods raise `HttpProblem`: 503."""

    def __init__(self, *, max_requests: int, max_bytes: int, timeout_s: float) -> None:
        """`max_bytes` is the budget of all large bodies together, `timeout_s` how long a request may wait for it."""
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._requests = 0
        self._held_bytes = 0
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._turn = asyncio.Lock()
        self._trimmer = Trimmer()

    def enter(self, scope: Scope) -> None:
        """Take on one more request, unless the `StartQueue` has refused it."""
        if self._requests >= self._max_requests or REFUSED in scope:
            raise overloaded()
        self._requests += 1

    def leave(self) -> None:
        self._requests -= 1

    async def hold(self, count_bytes: int) -> Hold:
        """Wait until the budget has room for so many bytes; a body that is larger than all of it waits for all."""
        count_bytes = min(count_bytes, self._max_bytes)
        if not self._waiting and self._held_bytes + count_bytes <= self._max_bytes:
            self._held_bytes += count_bytes
            return Hold(self, count_bytes)
        granted = asyncio.get_running_loop().create_future()
        self._waiting[granted] = count_bytes
        try:
            async with asyncio.timeout(self._timeout_s):
                await granted
        except BaseException as error:
            if granted.done() and not granted.cancelled():  # Granted at the same instant.
                self.give_back(count_bytes)
            else:
                self._waiting.pop(granted, None)  # It is gone if another one that gave up came first.
                self._grant()
            if isinstance(error, TimeoutError):
                raise overloaded() from error
            raise
        return Hold(self, count_bytes)

    def give_back(self, count_bytes: int) -> None:
        self._held_bytes -= count_bytes
        self._trimmer.freed(count_bytes, idle=self._held_bytes == 0)
        self._grant()

    def _grant(self) -> None:
        while self._waiting:
            granted, count_bytes = next(iter(self._waiting.items()))
            if not granted.done():
                if self._held_bytes + count_bytes > self._max_bytes:
                    return
                self._held_bytes += count_bytes
                granted.set_result(None)
            del self._waiting[granted]

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """While one large body is scored, the others wait; between two of them the event loop serves everyone else."""
        if self._turn.locked():
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._turn.acquire()
            except TimeoutError as error:
                raise overloaded() from error
        else:
            await self._turn.acquire()
        try:
            await asyncio.sleep(0)  # Whoever else is ready to be answered comes first.
            yield
        finally:
            self._turn.release()


class StartQueue:
    """Requests with large bodies start a few at a time, in the order in which they came: the queue of one process.

    One that waits here is its head and the first kilobytes of its body, unread in the connection. One that has started
    is also a task, with a frame and some objects for every layer of the framework: three times the memory, a tenth of a
    millisecond of work, and more for the garbage collector to look at. Two thousand that start at once keep everyone
    else waiting, and leave holes in Python's own heap, which are not given back.
    """

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


def has_large_body(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a body is declared to be large, or its size is not declared."""
    for name, value in reversed(headers):  # Clients send these two last.
        if name == b"content-length":
            return len(value) > 4 and int(value) > LARGE_BODY_BYTES  # `int` takes as long as all the rest.
        if name == b"transfer-encoding":
            return True
    return False
