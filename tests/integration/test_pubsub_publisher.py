"""The Pub/Sub publisher on Google's emulator: attributes, sizes, and a topic or a service that is not there."""

import asyncio
import socket
import uuid
from dataclasses import replace
from typing import Any

import pytest

from predictor.errors import PublisherUnavailable
from predictor.events import Publisher, PubSubClient, PubSubPublisher
from predictor.events.envelopes import MAX_ORDERING_KEY_BYTES
from predictor.events.scoring import MAX_OUTCOME_BYTES, Outcome
from tests.support.pubsub import PubSubEmulator

RESULT = Outcome(b'{"id":"a"}', "a", rows=1, rejected_rows=0)
REJECT = Outcome(b'{"id":"b"}', "b", rows=0, rejected_rows=0, reason="no_data")


def publish(publisher: Publisher, *outcomes: tuple[Outcome, str], timeout_s: float = 10.0) -> None:
    async def run() -> None:
        for outcome, key in outcomes:
            await publisher.publish(outcome, ordering_key=key, timeout_s=timeout_s)

    asyncio.run(run())


def _close(client: PubSubClient) -> None:
    google: Any = asyncio.run(client.get())
    google.stop()
    google.transport.close()


def test_the_attributes_arrive(pubsub: PubSubEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_largest_outcome_is_accepted(pubsub: PubSubEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_missing_topic_is_an_error_after_which_the_key_still_publishes(
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
def test_a_service_that_does_not_answer_is_an_error_in_time(monkeypatch: pytest.MonkeyPatch, ordering_key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{silent.getsockname()[1]}")
        client = PubSubClient()
        publisher = PubSubPublisher("projects/test/topics/t", client)
        for _ in range(2):  # The second finds an ordering key after an error.
            with pytest.raises(PublisherUnavailable):
                publish(publisher, (RESULT, ordering_key), timeout_s=1.0)
        _close(client)
