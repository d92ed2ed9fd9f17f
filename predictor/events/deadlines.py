"""The time limits of messages, which become shorter when the process has to end.

Cloud Run kills ten seconds after SIGTERM, while uvicorn would wait for requests in flight as long as they take. So a
message in progress then gets what is left of its time or `GRACE_S`, whichever is shorter. After that the answer is 503
and Pub/Sub redelivers the message to another instance.
"""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

GRACE_S: Final = 7.0


class Deadlines:
    """The time limits of this process's messages in progress."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._active: set[asyncio.Timeout] = set()
        self._watching = False

    @asynccontextmanager
    async def limit(self, timeout_s: float) -> AsyncIterator[None]:
        """Raises `TimeoutError` in the body's place when it takes too long."""
        self._watch()
        async with asyncio.timeout(timeout_s) as timeout:
            self._active.add(timeout)
            try:
                yield
            finally:
                self._active.discard(timeout)

    def shorten(self) -> None:
        """The process is ending: let nothing take longer than the grace."""
        latest = asyncio.get_running_loop().time() + self._grace_s
        for timeout in self._active:
            when = timeout.when()
            if when is None or when > latest:
                timeout.reschedule(latest)

    def _watch(self) -> None:
        """Handle SIGTERM beside the server, which has set its own handler by the time of the first message."""
        if self._watching or threading.current_thread() is not threading.main_thread():
            return
        self._watching = True
        loop = asyncio.get_running_loop()
        servers_own = signal.getsignal(signal.SIGTERM)
        if not callable(servers_own):
            return  # There is no server: a test, in-process.
        pass_on = servers_own

        def handle(number: int, frame: Any) -> None:
            loop.call_soon_threadsafe(self.shorten)
            pass_on(number, frame)

        signal.signal(signal.SIGTERM, handle)
