"""Time limits, and what SIGTERM does to them."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import pytest

from predictor.events.deadlines import Deadlines
from tests.support.asgi import run


@pytest.fixture
def received() -> Iterator[list[int]]:
    """A server's own SIGTERM handler, and which signals it received."""
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    yield received
    signal.signal(signal.SIGTERM, before)


async def _never(deadlines: Deadlines, timeout_s: float) -> None:
    async with deadlines.limit(timeout_s):
        await asyncio.Event().wait()


def test_work_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TimeoutError):
        run(_never(Deadlines(), 0.01))


def test_sigterm_shortens_the_time_and_reaches_the_server_too(received: list[int]) -> None:
    async def terminated() -> None:
        work = asyncio.create_task(_never(Deadlines(grace_s=0.01), 3600))
        await asyncio.sleep(0)  # Let it begin.
        os.kill(os.getpid(), signal.SIGTERM)
        await work

    with pytest.raises(TimeoutError):
        run(terminated())
    assert received == [signal.SIGTERM]


def test_sigterm_never_lengthens_the_time(received: list[int]) -> None:
    async def terminated() -> None:
        work = asyncio.create_task(_never(Deadlines(grace_s=3600), 0.05))
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGTERM)
        await work

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        run(terminated())
    assert time.monotonic() - started < 1800
    assert received == [signal.SIGTERM]


def test_without_a_server_no_handler_is_set() -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def work() -> None:
        async with Deadlines().limit(10):
            pass

    run(work())
    assert signal.getsignal(signal.SIGTERM) is before
