"""Giving memory back to the system after many large requests: glibc would keep it."""

import asyncio
from functools import cache
from typing import Final

TRIM_AFTER_BYTES: Final = 8 * 1024 * 1024
"""What has been freed before it is worth it."""
TRIM_DELAY_S: Final = 1.0
"""The wait for more work, in which a trim would only be in the way."""
_KEPT_BYTES: Final = 1024 * 1024
"""What glibc keeps at the end of each thread's heap. A larger block is given back as soon as it is freed."""
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


class Trimmer:
    """Trims the heap some time after the last of many bytes has been freed."""

    def __init__(self) -> None:
        self._freed_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def freed(self, count_bytes: int, *, idle: bool) -> None:
        """`idle`: nothing large is in work now."""
        self._freed_bytes += count_bytes
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if idle and self._freed_bytes >= TRIM_AFTER_BYTES:
            self._timer = asyncio.get_running_loop().call_later(TRIM_DELAY_S, self._trim)

    def _trim(self) -> None:
        self._timer = None
        self._freed_bytes = 0
        trim_heap()


def trim_heap() -> None:
    """Give free memory back to the system. Does nothing where the C library cannot (it is glibc that can)."""
    import ctypes  # Costs milliseconds that only this needs.

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@cache
def keep_little() -> None:
    """Let glibc keep no more than `_KEPT_BYTES` of a thread's heap. It learns to keep 30 MiB, which no trim reaches."""
    import ctypes

    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        option(_M_MMAP_THRESHOLD, _KEPT_BYTES)
