"""One load at a time: its result is kept, and its failure for a while."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from predictor.artifacts.cache import BackOff, ModelCache
from predictor.errors import DigestMismatch, ModelUnavailable, PredictorError, StoreUnavailable
from tests.support.processes import wait_until

RETRYABLE = StoreUnavailable("gs://bucket", "it was out of reach")
BAD = DigestMismatch("model.onnx", "sha256:a", "sha256:b")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def cache_of(load: Callable[[], str], clock: Clock | None = None, **options: object) -> ModelCache[str]:
    return ModelCache(load, clock=clock or Clock(), jitter=lambda: 1.0, **options)  # type: ignore[arg-type]


def raising(*errors: BaseException | None) -> Callable[[], str]:
    """A load that raises each error in turn; None succeeds."""
    queue = list(errors)

    def load() -> str:
        error = queue.pop(0) if len(queue) > 1 else queue[0]
        if error is not None:
            raise error
        return "model"

    return load


def test_nothing_is_loaded_before_somebody_asks() -> None:
    cache = cache_of(raising(AssertionError("nobody has asked")))
    assert cache.current is None
    assert cache.failure is None


def test_two_hundred_simultaneous_requests_make_one_load() -> None:
    loads: list[int] = []
    release = threading.Event()

    def load() -> str:
        loads.append(1)
        release.wait(10)
        return "model"

    async def ask_all(cache: ModelCache[str]) -> list[str]:
        waiting = [asyncio.create_task(cache.get()) for _ in range(200)]
        await asyncio.sleep(0.05)
        release.set()
        return await asyncio.gather(*waiting)

    cache = cache_of(load)
    assert asyncio.run(ask_all(cache)) == ["model"] * 200
    assert len(loads) == 1
    assert cache.current == "model"


def test_the_loaded_model_is_kept() -> None:
    cache = cache_of(raising(None, AssertionError("a second load")))
    assert [cache.get_blocking(), cache.get_blocking(), asyncio.run(cache.get())] == ["model"] * 3


def test_a_failure_reaches_all_who_wait() -> None:
    release = threading.Event()

    def load() -> str:
        release.wait(10)
        raise RETRYABLE

    async def ask_all(cache: ModelCache[str]) -> list[object]:
        waiting = [asyncio.create_task(cache.get()) for _ in range(20)]
        await asyncio.sleep(0.05)
        release.set()
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    results = asyncio.run(ask_all(cache_of(load)))
    assert [type(result) for result in results] == [ModelUnavailable] * 20


def test_during_the_pause_requests_are_refused_at_once_with_the_time_of_the_next_attempt() -> None:
    loads: list[int] = []
    clock = Clock()

    def load() -> str:
        loads.append(1)
        raise RETRYABLE

    cache = cache_of(load, clock, retryable=BackOff(8.0, 60.0))
    for _ in range(3):
        with pytest.raises(ModelUnavailable) as caught:
            cache.get_blocking()
    assert len(loads) == 1
    assert caught.value.retry_after_s == 8.0
    clock.now += 8.0
    with pytest.raises(ModelUnavailable):
        cache.get_blocking()
    assert len(loads) == 2


def test_it_recovers_without_a_restart() -> None:
    clock = Clock()
    cache = cache_of(raising(RETRYABLE, BAD, None), clock)
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            cache.get_blocking()
        clock.now += 1000.0
    assert cache.failure is not None
    assert cache.get_blocking() == "model"
    assert cache.failure is None


def test_the_pause_is_longer_after_a_bad_artifact_than_after_a_retryable_error() -> None:
    pauses = []
    for error in (RETRYABLE, BAD):
        cache = cache_of(raising(error), Clock())
        with pytest.raises(ModelUnavailable) as caught:
            cache.get_blocking()
        pauses.append(caught.value.retry_after_s)
    assert pauses[0] * 5 < pauses[1]


def test_the_pause_doubles_up_to_a_limit_and_is_spread_by_jitter() -> None:
    back_off = BackOff(first_s=1.0, most_s=10.0)
    assert [back_off.delay_s(n, jitter=1.0) for n in (1, 2, 3, 4, 5, 1000)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert back_off.delay_s(1, jitter=0.0) == 0.5


def test_after_a_load_that_outlives_its_waiters_another_can_start() -> None:
    release = threading.Event()
    loads: list[int] = []

    def load() -> str:
        loads.append(1)
        if len(loads) == 1:
            release.wait(10)
            raise RETRYABLE
        return "model"

    clock = Clock()
    cache = cache_of(load, clock, wait_s=0.05)
    with pytest.raises(ModelUnavailable, match="did not end"):
        asyncio.run(cache.get())
    clock.now += 1000.0
    assert cache.get_blocking() == "model"
    release.set()  # Nobody waits for the first load any more, so its late failure changes nothing.
    assert cache.failure is None


def test_a_load_that_ends_well_but_late_is_still_used() -> None:
    release = threading.Event()

    def load() -> str:
        release.wait(10)
        return "model"

    cache = cache_of(load, wait_s=0.05)
    with pytest.raises(ModelUnavailable):
        cache.get_blocking()
    release.set()
    wait_until(lambda: cache.current == "model", "the late model")
    assert cache.failure is None


def test_one_caller_who_leaves_does_not_cancel_the_load_for_the_others() -> None:
    release = threading.Event()

    def load() -> str:
        release.wait(10)
        return "model"

    async def scenario(cache: ModelCache[str]) -> str:
        leaving, staying = asyncio.create_task(cache.get()), asyncio.create_task(cache.get())
        await asyncio.sleep(0.05)
        leaving.cancel()
        await asyncio.sleep(0)
        release.set()
        return await staying

    assert asyncio.run(scenario(cache_of(load))) == "model"


@pytest.mark.parametrize("later", range(5))
def test_a_caller_who_leaves_while_the_load_ends_has_left(later: int) -> None:
    """Otherwise its deadline has passed unnoticed, and what it waits for next may take for ever."""
    go_on = threading.Event()

    def load() -> str:
        go_on.wait(10)
        return "model"

    async def scenario(cache: ModelCache[str]) -> None:
        before = set(threading.enumerate())
        caller = asyncio.create_task(cache.get())
        await asyncio.sleep(0)
        (loading,) = set(threading.enumerate()) - before
        go_on.set()
        loading.join(10)
        for _ in range(later):  # The news passes through several futures.
            await asyncio.sleep(0)
        if not caller.done():
            caller.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller

    asyncio.run(scenario(cache_of(load)))


def test_an_unexpected_error_is_a_failure_like_any_other() -> None:
    seen: list[PredictorError] = []
    cause = MemoryError("no memory")
    cache = cache_of(raising(cause, None), on_failure=lambda error, _: seen.append(error))
    with pytest.raises(ModelUnavailable):
        cache.get_blocking()
    assert seen[0].__cause__ is cause
    assert "MemoryError" in str(seen[0])
