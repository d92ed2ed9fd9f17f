"""Messages and requests as Pub/Sub and Eventarc send them, and a publisher that keeps what it is given."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from predictor.events.scoring import Outcome
from tests.support.bundles import EXAMPLE

SUBSCRIPTION = "projects/test/subscriptions/penguins"
TOPIC_SOURCE = "//pubsub.googleapis.com/projects/test/topics/penguins"
PUBLISH_TIME = "2026-01-02T03:04:05.678Z"
ROW = json.dumps(EXAMPLE).encode()
BAD_ROW = json.dumps({**EXAMPLE, "bill_length_mm": -1}).encode()

Request = tuple[dict[str, str], bytes]
"""Headers (lower-case) and body."""


def push_document(
    data: bytes | None = ROW,
    *,
    message_id: str = "1",
    attributes: dict[str, str] | None = None,
    ordering_key: str = "",
    delivery_attempt: int | None = None,
) -> dict[str, Any]:
    """The body of a wrapped push, as the service sends it."""
    message: dict[str, Any] = {"messageId": message_id, "publishTime": PUBLISH_TIME}
    if data is not None:
        message["data"] = base64.b64encode(data).decode()
    if attributes is not None:
        message["attributes"] = attributes
    if ordering_key:
        message["orderingKey"] = ordering_key
    document: dict[str, Any] = {"message": message, "subscription": SUBSCRIPTION}
    if delivery_attempt is not None:
        document["deliveryAttempt"] = delivery_attempt
    return document


def raw_push(document: dict[str, Any]) -> Request:
    return {"content-type": "application/json"}, json.dumps(document).encode()


def binary_event(document: dict[str, Any]) -> Request:
    """As Eventarc sends it."""
    headers = {f"ce-{name}": value for name, value in _event_attributes(document).items()}
    return {"content-type": "application/json", **headers}, json.dumps(document).encode()


def structured_event(document: dict[str, Any]) -> Request:
    event = {**_event_attributes(document), "datacontenttype": "application/json", "data": document}
    return {"content-type": "application/cloudevents+json; charset=utf-8"}, json.dumps(event).encode()


def _event_attributes(document: dict[str, Any]) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": document["message"]["messageId"],
        "source": TOPIC_SOURCE,
        "type": "google.cloud.pubsub.topic.v1.messagePublished",
        "time": PUBLISH_TIME,
    }


@dataclass
class FakePublisher:
    """Keeps what is published; raises `error` instead while it is set."""

    published: list[tuple[Outcome, str]] = field(default_factory=list)
    error: Exception | None = None

    async def publish(self, outcome: Outcome, *, ordering_key: str, timeout_s: float) -> None:
        if self.error is not None:
            raise self.error
        self.published.append((outcome, ordering_key))

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(outcome.body) for outcome, _ in self.published]
