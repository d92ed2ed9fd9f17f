"""A last word before the process ends: Cloud Run sends SIGTERM, and leaves it 10 s."""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


def before_termination(callback: Callable[[], None]) -> bool:
    """At SIGTERM, call `callback` on the running event loop; then the server ends as it does without it.

    Call it from the event loop of a server that handles SIGTERM: it answers the open requests first, and its loop still
    runs. False where there is no such loop or server.
    """
    if threading.current_thread() is not threading.main_thread():
        return False  # Signal handlers are set in the main thread only.
    servers_handler: Any = signal.getsignal(signal.SIGTERM)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return False
    if not callable(servers_handler):
        return False

    def handle(number: int, frame: FrameType | None) -> None:
        # Not called here: the signal may have interrupted the very code that `callback` needs, a write to stdout.
        loop.call_soon_threadsafe(callback)
        servers_handler(number, frame)

    signal.signal(signal.SIGTERM, handle)
    return True
