"""Which requests start, wait or are refused: order and limits, never seconds."""

import asyncio

from predictor.web.start_queue import MAX_STARTED, Start, StartQueue
from tests.support.asgi import run


class Log:
    """What became of each request, in order."""

    def __init__(self) -> None:
        self.answered: list[int] = []
        self.refused: asyncio.Queue[int] = asyncio.Queue()

    def start(self, number: int) -> Start:
        return lambda answer: self.answered.append(number) if answer else self.refused.put_nowait(number)

    async def next_refused(self, count: int) -> list[int]:
        return [await asyncio.wait_for(self.refused.get(), 10) for _ in range(count)]


def full_queue(log: Log, *, may_wait: int = 10, timeout_s: float = 5.0) -> StartQueue:
    queue = StartQueue(max_requests=MAX_STARTED + may_wait, timeout_s=timeout_s)
    for number in range(MAX_STARTED):
        queue.enter(log.start(number))
    assert log.answered == list(range(MAX_STARTED))
    log.answered.clear()
    return queue


def test_the_next_one_starts_when_one_has_been_answered_in_the_order_of_arrival() -> None:
    async def talk(log: Log) -> None:
        queue = full_queue(log)
        queue.enter(log.start(1000))
        queue.enter(log.start(1001))
        assert log.answered == []
        queue.leave()
        assert log.answered == [1000]
        queue.enter(log.start(1002))
        for _ in range(2):
            queue.leave()
        assert log.answered == [1000, 1001, 1002]
        for _ in range(MAX_STARTED):
            queue.leave()
        queue.enter(log.start(1003))
        assert log.answered[-1] == 1003

    run(talk(Log()))


def test_more_than_may_wait_are_refused_at_once() -> None:
    async def talk(log: Log) -> None:
        queue = full_queue(log, may_wait=2)
        for number in range(5):
            queue.enter(log.start(number))
        assert (log.answered, await log.next_refused(3), log.refused.empty()) == ([], [2, 3, 4], True)

    run(talk(Log()))


def test_all_that_wait_too_long_are_refused_and_do_not_count_as_started() -> None:
    async def talk(log: Log) -> None:
        queue = full_queue(log, may_wait=100, timeout_s=0.01)
        for number in range(100):
            queue.enter(log.start(number))
        assert await log.next_refused(100) == list(range(100))
        queue.enter(log.start(100))  # The next ones have their own time.
        queue.leave()
        assert log.answered == [100]
        queue.enter(log.start(101))
        assert await log.next_refused(1) == [101]

    run(talk(Log()))
