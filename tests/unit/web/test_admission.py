"""What an instance takes on at once: order and limits, never seconds."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from predictor.bootstrap import App, build
from predictor.settings import Settings
from predictor.web import Admission, HttpProblem
from predictor.web.admission import LARGE_BODY_BYTES, MAX_STARTED, Start, StartQueue
from tests.support.asgi import Client, asgi, problem_of, run
from tests.support.bundles import EXAMPLE, PublishedBundle

BATCH = json.dumps({"instances": [EXAMPLE] * 300}).encode()
AS_JSON = {"Content-Type": "application/json"}


TIMEOUT_S = 0.05


def admission(*, requests: int = 10, count_bytes: int = 100, timeout_s: float = TIMEOUT_S) -> Admission:
    return Admission(max_requests=requests, max_bytes=count_bytes, timeout_s=timeout_s)


def test_more_requests_than_the_limit_are_refused() -> None:
    limits = admission(requests=2)
    limits.enter({})
    limits.enter({})
    with pytest.raises(HttpProblem) as refused:
        limits.enter({})
    assert (refused.value.status, dict(refused.value.headers)) == (503, {b"retry-after": b"1"})
    limits.leave()
    limits.enter({})


class TestBudget:
    def test_a_body_waits_until_there_is_room_and_the_first_comes_first(self) -> None:
        async def order() -> list[str]:
            limits = admission(count_bytes=100, timeout_s=5)
            first = await limits.hold(80)
            granted: list[str] = []

            async def wait(name: str, size: int) -> None:
                hold = await limits.hold(size)
                granted.append(name)
                hold.release()

            tasks = [asyncio.create_task(wait("large", 90)), asyncio.create_task(wait("small", 10))]
            await asyncio.sleep(0)
            assert granted == []  # The small one would fit, but large ones must not wait for ever.
            first.release()
            first.release()  # Again: no further effect.
            await asyncio.gather(*tasks)
            return granted

        assert run(order()) == ["large", "small"]

    def test_a_body_that_waits_too_long_is_refused_and_does_not_block_the_next(self) -> None:
        async def wait() -> None:
            limits = admission(count_bytes=100)
            hold = await limits.hold(60)
            with pytest.raises(HttpProblem, match="too much to do"):
                await limits.hold(50)
            await limits.hold(40)
            hold.release()
            await limits.hold(60)

        run(wait())

    def test_bodies_that_wait_too_long_together_are_all_refused(self) -> None:
        async def wait() -> list[object]:
            limits = admission(count_bytes=100)
            await limits.hold(60)
            waiting = asyncio.gather(*(limits.hold(size) for size in (50, 40, 40)), return_exceptions=True)
            await asyncio.sleep(0)
            time.sleep(TIMEOUT_S)  # noqa: ASYNC251  So that their time ends in the same turn of the event loop.
            return list(await waiting)

        assert [type(refused) for refused in run(wait())] == [HttpProblem] * 3

    def test_a_client_that_goes_away_while_it_waits_gives_its_place_back(self) -> None:
        async def wait() -> None:
            limits = admission(count_bytes=100, timeout_s=5)
            hold = await limits.hold(60)
            gone = asyncio.create_task(limits.hold(100))
            next_one = asyncio.create_task(limits.hold(40))
            await asyncio.sleep(0)
            gone.cancel()
            await next_one
            hold.release()
            await limits.hold(60)

        run(wait())

    def test_one_body_may_be_larger_than_the_budget(self) -> None:
        async def wait() -> None:
            limits = admission(count_bytes=100)
            (await limits.hold(1000)).release()
            await limits.hold(100)

        run(wait())


def test_a_turn_that_does_not_come_is_refused() -> None:
    async def wait() -> None:
        limits = admission()
        async with limits.turn():
            with pytest.raises(HttpProblem):
                async with limits.turn():
                    pass
        async with limits.turn():
            pass

    run(wait())


@pytest.fixture
def limited(bundle: PublishedBundle) -> App:
    settings = Settings(
        model_uri=str(bundle.folder), max_bytes_in_flight=len(BATCH), max_concurrent_requests=60, request_timeout_s=1
    )
    return build(settings)


def test_small_requests_are_answered_between_large_ones(limited: App) -> None:
    limited.models.get_blocking()
    answered: list[str] = []
    application = asgi(limited.web)

    async def post(name: str, body: bytes) -> None:
        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: object) -> None:
            if isinstance(message, dict) and message["type"] == "http.response.start":
                assert message["status"] == 200
                answered.append(name)

        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": headers}
        await application(scope, receive, send)

    async def crowd() -> None:
        large = [asyncio.create_task(post("large", BATCH)) for _ in range(20)]
        await asyncio.gather(*large, post("small", json.dumps(EXAMPLE).encode()))

    run(crowd())
    assert sorted(answered) == ["large"] * 20 + ["small"]
    assert answered.index("small") <= 2


def test_a_batch_gets_the_same_answer_when_its_size_is_not_declared(limited: App) -> None:
    assert len(BATCH) > LARGE_BODY_BYTES

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(BATCH), 10_000):
            yield BATCH[start : start + 10_000]

    client = Client(limited)
    for _ in range(3):  # The budget has room for one: it is given back each time.
        declared = client.post("/predict", content=BATCH, headers=AS_JSON)
        assert declared.status_code == 200
        assert client.post("/predict", content=parts(), headers=AS_JSON).content == declared.content
        assert client.post("/predict", content=b"{" + BATCH, headers=AS_JSON).status_code == 400


def test_too_many_at_once_get_a_problem_document_and_health_does_not(bundle: PublishedBundle) -> None:
    app = build(Settings(model_uri=str(bundle.folder), max_concurrent_requests=1))
    client = Client(app)
    assert client.post("/predict", json=EXAMPLE).status_code == 200
    app.web._admission.enter({})
    refused = client.post("/predict", json=EXAMPLE)
    assert problem_of(refused, 503)["type"].endswith(":overloaded")
    assert refused.headers["retry-after"] == "1"
    assert client.get("/health").status_code == 200
    app.web._admission.leave()
    assert client.post("/predict", json=EXAMPLE).status_code == 200


class Started:
    """What became of each request, in order."""

    def __init__(self) -> None:
        self.answered: list[int] = []
        self.refused: asyncio.Queue[int] = asyncio.Queue()

    def start(self, number: int) -> Start:
        return lambda answer: self.answered.append(number) if answer else self.refused.put_nowait(number)

    async def next_refused(self, count: int) -> list[int]:
        return [await asyncio.wait_for(self.refused.get(), 10) for _ in range(count)]


def full_queue(log: Started, *, may_wait: int = 10, timeout_s: float = 5.0) -> StartQueue:
    queue = StartQueue(max_requests=MAX_STARTED + may_wait, timeout_s=timeout_s)
    for number in range(MAX_STARTED):
        queue.enter(log.start(number))
    assert log.answered == list(range(MAX_STARTED))
    log.answered.clear()
    return queue


def test_the_next_one_starts_when_one_has_been_answered_in_the_order_of_arrival() -> None:
    async def talk(log: Started) -> None:
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

    run(talk(Started()))


def test_more_than_may_wait_are_refused_at_once() -> None:
    async def talk(log: Started) -> None:
        queue = full_queue(log, may_wait=2)
        for number in range(5):
            queue.enter(log.start(number))
        assert (log.answered, await log.next_refused(3), log.refused.empty()) == ([], [2, 3, 4], True)

    run(talk(Started()))


def test_all_that_wait_too_long_are_refused_and_do_not_count_as_started() -> None:
    async def talk(log: Started) -> None:
        queue = full_queue(log, may_wait=100, timeout_s=0.01)
        for number in range(100):
            queue.enter(log.start(number))
        assert await log.next_refused(100) == list(range(100))
        queue.enter(log.start(100))  # The next ones have their own time.
        queue.leave()
        assert log.answered == [100]
        queue.enter(log.start(101))
        assert await log.next_refused(1) == [101]

    run(talk(Started()))
