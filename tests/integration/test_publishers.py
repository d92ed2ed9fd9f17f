"""One contract for every publisher: the log, the tests' fake, and Pub/Sub on the real emulator."""

import asyncio
import json
import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any

import pytest

from predictor.errors import PublisherUnavailable
from predictor.events.envelopes import MAX_ORDERING_KEY_BYTES
from predictor.events.publisher import LogPublisher, Publisher
from predictor.events.pubsub_publisher import PubSubClient, PubSubPublisher
from predictor.events.scoring import MAX_OUTCOME_BYTES, Outcome
from predictor.telemetry import configure_logs
from tests.support.events import FakePublisher
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
    stream = StringIO()
    configure_logs("INFO", None, stream)

    def arrived(_: int) -> list[tuple[bytes, str]]:
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        return [(line["body"].encode(), line["ordering_key"]) for line in lines]

    yield Subject(LogPublisher(), arrived)
    configure_logs("INFO", None)


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


def test_pubsub_messages_say_what_they_are_in_attributes(
    pubsub: PubSubEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub.host)
    name = f"attributes-{uuid.uuid4().hex}"
    topic = pubsub.create_topic(name)
    subscription = pubsub.subscribe(topic, name)
    client = PubSubClient()
    publish(PubSubPublisher(topic, client), (RESULT, ""), (REJECT, ""))
    received = pubsub.pull_all(subscription, until=lambda so_far: len(so_far) == 2)
    assert sorted((message.attributes for message in received), key=lambda attributes: attributes["id"]) == [
        {"content-type": "application/json", "id": "a", "kind": "result"},
        {"content-type": "application/json", "id": "b", "kind": "reject", "reason": "no_data"},
    ]
    _close(client)


def test_the_largest_outcome_is_taken(pubsub: PubSubEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub.host)
    name = f"large-{uuid.uuid4().hex}"
    topic = pubsub.create_topic(name)
    subscription = pubsub.subscribe(topic, name)
    client = PubSubClient()
    largest = Outcome(b"x" * MAX_OUTCOME_BYTES, "a", rows=0, rejected_rows=0, reason="unsupported_content_type")
    publish(PubSubPublisher(topic, client), (largest, "k" * MAX_ORDERING_KEY_BYTES))
    (message,) = pubsub.pull_all(subscription, until=lambda so_far: len(so_far) == 1)
    assert len(message.data) == MAX_OUTCOME_BYTES
    with pytest.raises(PublisherUnavailable):
        publish(PubSubPublisher(topic, client), (replace(largest, body=b"x" * 10_000_000), ""))
    _close(client)


@pytest.mark.parametrize("ordering_key", ["", "nest-1"])
def test_a_topic_that_is_not_there_is_trouble_and_the_key_recovers(
    pubsub: PubSubEmulator, monkeypatch: pytest.MonkeyPatch, ordering_key: str
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub.host)
    name = f"late-{uuid.uuid4().hex}"
    client = PubSubClient()
    publisher = PubSubPublisher(f"projects/test/topics/{name}", client)
    with pytest.raises(PublisherUnavailable, match="NotFound"):
        publish(publisher, (RESULT, ordering_key))
    subscription = pubsub.subscribe(pubsub.create_topic(name), name)
    publish(publisher, (RESULT, ordering_key))
    (message,) = pubsub.pull_all(subscription, until=lambda so_far: len(so_far) == 1)
    assert (message.data, message.ordering_key) == (RESULT.body, ordering_key)
    _close(client)


@pytest.mark.parametrize("ordering_key", ["", "nest-1"])
def test_a_service_that_does_not_answer_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch, ordering_key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{silent.getsockname()[1]}")
        client = PubSubClient()
        publisher = PubSubPublisher("projects/test/topics/t", client)
        for _ in range(2):  # The second finds an ordering key that has seen trouble.
            with pytest.raises(PublisherUnavailable):
                publish(publisher, (RESULT, ordering_key), timeout_s=1.0)
        _close(client)
