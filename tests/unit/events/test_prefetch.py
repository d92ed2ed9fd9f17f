"""Items made in a thread: in order, no more than the depth at once, and never by a thread that is left behind."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from predictor.events.prefetch import prefetch
from tests.support.processes import wait_until


def test_items_come_in_order_and_the_thread_ends() -> None:
    assert list(prefetch(iter(range(100)), 3)) == list(range(100))
    assert "prefetch" not in {thread.name for thread in threading.enumerate()}


def test_an_exception_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError

    made = prefetch(items(), 3)
    assert next(made) == 1
    with pytest.raises(LookupError):
        next(made)


def test_no_more_than_the_depth_is_made_before_it_is_asked_for_and_nothing_after_closing() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(1_000):
            made.append(number)
            yield number

    with closing(prefetch(items(), 3)) as pieces:
        next(pieces)
        wait_until(lambda: len(made) >= 5, "the thread to prefetch as much as it may")
        assert len(made) == 5  # one taken, three waiting, one in hand
    assert len(made) < 20
    assert "prefetch" not in {thread.name for thread in threading.enumerate()}
