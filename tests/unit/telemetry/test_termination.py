"""What is called at SIGTERM, and that the server still ends as it would."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from predictor.telemetry import before_termination


@pytest.fixture(autouse=True)
def handler() -> Iterator[list[int]]:
    """A server's handler, for one test."""
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: received.append(number))
    yield received
    signal.signal(signal.SIGTERM, before)


def test_the_callback_runs_on_the_loop_and_the_server_is_told(handler: list[int]) -> None:

    async def serve() -> None:
        called = asyncio.Event()
        assert before_termination(called.set)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(called.wait(), 10)

    asyncio.run(serve())
    assert handler == [signal.SIGTERM]


def test_without_a_loop_or_in_a_thread_it_says_that_it_cannot(handler: list[int]) -> None:
    answers = [before_termination(lambda: None)]

    async def serve() -> bool:
        return before_termination(lambda: None)

    thread = threading.Thread(target=lambda: answers.append(asyncio.run(serve())))
    thread.start()
    thread.join()
    assert answers == [False, False]
    os.kill(os.getpid(), signal.SIGTERM)
    assert handler == [signal.SIGTERM]


def test_a_process_that_does_not_handle_the_signal_is_left_alone() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    async def serve() -> bool:
        return before_termination(lambda: None)

    assert not asyncio.run(serve())
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
