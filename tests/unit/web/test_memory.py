"""Memory that has been freed goes back to the system, in the process itself."""

import ctypes
import subprocess
import sys

import pytest

from predictor.web.memory import TRIM_AFTER_BYTES, Trimmer, keep_little, trim_heap
from tests.support.asgi import run
from tests.support.processes import PROJECT

PROGRAM = """
import psutil
from predictor.web.memory import trim_heap
rss = psutil.Process().memory_info().rss
held = [bytes(50_000) for _ in range(2000)]
pins = held[::100]  # Above what is freed: so it is not given back by itself.
full = psutil.Process().memory_info().rss
del held
before = psutil.Process().memory_info().rss
trim_heap()
after = psutil.Process().memory_info().rss
print(full - rss, before - rss, after - rss)
"""

IN_THREADS = """
import asyncio, sys, psutil
from predictor.web.memory import trim_heap
from predictor.web.threads import run_maybe_in_thread
def work():
    for size in (20_000_000, 15_000_000):  # glibc takes what is freed for the size that it should keep.
        bytearray(size)
async def main():
    await run_maybe_in_thread(True, int)
    before = psutil.Process().memory_info().rss
    for _ in range(3):
        await run_maybe_in_thread(True, work)
    trim_heap()
    print(psutil.Process().memory_info().rss - before)
asyncio.run(main())
"""


def test_the_heap_of_a_thread_is_given_back() -> None:
    command = [sys.executable, "-c", IN_THREADS]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert int(printed) < 5_000_000


def test_a_heap_with_holes_is_given_back() -> None:
    command = [sys.executable, "-c", PROGRAM]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60).stdout
    full, before, after = map(int, printed.split())
    assert full > 90_000_000
    assert before > full / 2
    assert after < full / 4


def test_trimming_waits_for_the_last_of_much() -> None:
    async def timers() -> list[bool]:
        trimmer = Trimmer()
        found = []
        for count_bytes, idle in ((TRIM_AFTER_BYTES // 2, True), (TRIM_AFTER_BYTES, False), (1, True), (1, False)):
            trimmer.freed(count_bytes, idle=idle)
            found.append(trimmer._timer is not None)
        trimmer.freed(1, idle=True)
        trimmer._trim()
        trimmer.freed(1, idle=True)
        found.append(trimmer._timer is not None)
        return found

    assert run(timers()) == [False, False, True, False, False]


def test_a_c_library_that_cannot_trim_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare:
        def __init__(self, _name: None) -> None:
            pass

    monkeypatch.setattr(ctypes, "CDLL", Bare)
    trim_heap()
    keep_little.__wrapped__()
