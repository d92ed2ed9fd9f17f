"""One contract for every publisher: the log, the tests' fake, and Pub/Sub on Google's emulator."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from predictor.events import LogPublisher, Publisher, PubSubClient, PubSubPublisher
from predictor.events.scoring import Outcome
from tests.support.events import FakePublisher
from tests.support.logs import captured_log
from tests.support.pubsub import PubSubEmulator

RESULT = Outcome(b'{"id":"a"}', "a", rows=1, rejected_rows=0)
REJECT = Outcome(b'{"id":"b"}', "b", rows=0, rejected_rows=0, reason="no_data")


@dataclass
class Subject:
    """A publisher, and a way to see what has arrived where it publishes to: (body, ordering key)."""

    publisher: Publisher
    arrived: Callable[[int], list[tuple[bytes, str]]]


@pytest.fixture(params=["fake", "log", "pubsub"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    make: Callable[..., Iterator[Subject]] = {"fake": _fake, "log": _log, "pubsub": _pubsub}[request.param]
    yield from make(request.getfixturevalue)


def _fake(_: Callable[[str], Any]) -> Iterator[Subject]:
    publisher = FakePublisher()
    yield Subject(publisher, lambda _: [(outcome.body, key) for outcome, key in publisher.published])


def _log(_: Callable[[str], Any]) -> Iterator[Subject]:
    with captured_log() as log:
        yield Subject(LogPublisher(), lambda _: [(line["body"].encode(), line["ordering_key"]) for line in log.lines()])


def _pubsub(fixture: Callable[[str], Any]) -> Iterator[Subject]:
    emulator: PubSubEmulator = fixture("pubsub")
    monkeypatch: pytest.MonkeyPatch = fixture("monkeypatch")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.host)
    name = f"contract-{uuid.uuid4().hex}"
    topic = emulator.create_topic(name)
    subscription = emulator.subscribe(topic, name, enable_message_ordering=True)

    def arrived(count: int) -> list[tuple[bytes, str]]:
        received = emulator.pull_all(subscription, until=lambda so_far: len(so_far) >= count)
        return [(message.data, message.ordering_key) for message in received]

    client = PubSubClient()
    yield Subject(PubSubPublisher(topic, client), arrived)
    _close(client)


def _close(client: PubSubClient) -> None:
    google: Any = asyncio.run(client.get())
    google.stop()
    google.transport.close()


def publish(publisher: Publisher, *outcomes: tuple[Outcome, str], timeout_s: float = 10.0) -> None:
    async def run() -> None:
        for outcome, key in outcomes:
            await publisher.publish(outcome, ordering_key=key, timeout_s=timeout_s)

    asyncio.run(run())


def test_what_is_published_arrives_as_it_is(subject: Subject) -> None:
    publish(subject.publisher, (RESULT, ""), (REJECT, ""))
    assert sorted(subject.arrived(2)) == [(RESULT.body, ""), (REJECT.body, "")]


def test_the_ordering_key_is_passed_on_and_its_order_kept(subject: Subject) -> None:
    outcomes = [Outcome(b"%d" % number, str(number), 1, 0) for number in range(20)]
    publish(subject.publisher, *((outcome, "nest-1") for outcome in outcomes))
    assert subject.arrived(20) == [(outcome.body, "nest-1") for outcome in outcomes]


def test_many_at_once_all_arrive(subject: Subject) -> None:
    outcomes = [Outcome(b"%d" % number, str(number), 1, 0) for number in range(200)]

    async def run() -> None:
        await asyncio.gather(
            *(subject.publisher.publish(outcome, ordering_key="", timeout_s=30) for outcome in outcomes)
        )

    asyncio.run(run())
    assert {body for body, _ in subject.arrived(200)} == {outcome.body for outcome in outcomes}
