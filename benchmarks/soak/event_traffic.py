"""Messages and files for `score`, through Google's Pub/Sub emulator; and whether each came out once, and right."""

import hashlib
import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from benchmarks.soak.birds import BAD_ROW, Birds
from benchmarks.soak.record import Record
from tests.support.gcs import GcsServer
from tests.support.pubsub import PubSubEmulator, Received
from tests.support.push_gateway import PushGateway

NOTES: Final = "soak-notes"
RESULTS: Final = "soak-results"
DRAIN_S: Final = 180.0
FILE_EVERY: Final = 100
"""Every so many messages one announces a file."""


@dataclass(frozen=True)
class Sent:
    """What a message must come out as."""

    kind: str
    species: tuple[str | None, ...]
    object_name: str = ""


@dataclass
class Events:
    """One function's messages: its topic, its gateway, what was sent and what came out."""

    pubsub: PubSubEmulator
    gcs: GcsServer
    gateway: PushGateway
    birds: Birds
    record: Record
    name: str
    sent: dict[str, Sent] = field(default_factory=dict)
    """By subscription and message id."""
    received: dict[str, list[tuple[str, str, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))
    """By the same: kind, digest of the bytes, and the document of the first."""

    def __post_init__(self) -> None:
        self.topic = self.pubsub.create_topic(f"{self.name}-in")
        self.results = self.pubsub.create_topic(f"{self.name}-results")
        self.rejects = self.pubsub.create_topic(f"{self.name}-rejects")
        self._outputs = {
            "result": self.pubsub.subscribe(self.results, f"{self.name}-results"),
            "reject": self.pubsub.subscribe(self.rejects, f"{self.name}-rejects"),
        }
        self.subscription = self.pubsub.push(self.topic, f"{self.name}-in", self.gateway.url)

    def send(self, per_s: float) -> None:
        """Publish until the run is over."""
        for number in count():
            if self.record.over.wait(1 / per_s):
                return
            data, attributes, sent = self._message(number)
            (message_id,) = self.pubsub.publish(self.topic, [(data, attributes, "")])
            self.sent[f"{self.subscription} {message_id}"] = sent

    def _message(self, number: int) -> tuple[bytes, dict[str, str], Sent]:
        if number % FILE_EVERY == 1:
            suffix, body = self.birds.files[number // FILE_EVERY % len(self.birds.files)]
            name = f"{self.name}-{number}{suffix}"
            self.gcs.put(NOTES, name, body.data)
            attributes = {"eventType": "OBJECT_FINALIZE", "bucketId": NOTES, "objectId": name}
            attributes["objectGeneration"] = str(self.gcs.client().bucket(NOTES).get_blob(name).generation)
            return b"{}", attributes, Sent("result", body.species, name)
        if number % 10 == 3:
            return (b"{", BAD_ROW)[number // 10 % 2], {}, Sent("reject", ())
        body = self.birds.singles[number % len(self.birds.singles)]
        if number % 10 == 6:
            rows = b",".join((body.data, BAD_ROW, body.data))
            return b'{"instances": [' + rows + b"]}", {}, Sent("result", (*body.species, None, *body.species))
        return body.data, {}, Sent("result", body.species)

    def collect(self) -> None:
        """Pull until the run is over and everything has come out, or the time for that is over."""
        ends = float("inf")
        while time.monotonic() < ends:
            if self.record.over.is_set():
                ends = min(ends, time.monotonic() + DRAIN_S)
                if self.gateway.idle_s() > 12 and not self.sent.keys() - self.received.keys():  # An ack deadline.
                    return
            for kind, subscription in self._outputs.items():
                for message in self._pull(subscription):
                    document = message.document
                    source = document["source"].removeprefix("//pubsub.googleapis.com/")
                    received = self.received[f"{source} {document['message_id']}"]
                    digest = hashlib.sha256(message.data).hexdigest()
                    received.append((kind, digest, {} if received else document))

    def _pull(self, subscription: str) -> list[Received]:
        from google.api_core.exceptions import GoogleAPICallError

        try:
            return self.pubsub.pull(subscription, timeout_s=1.0)
        except GoogleAPICallError:  # The emulator is stopped for a while; what it had handed out it hands out again.
            return []

    def count(self) -> None:
        """Add up what was lost, repeated, contradictory or wrong."""
        figures = self.record.figures
        client = self.gcs.client()
        for name, sent in self.sent.items():
            _add(figures, "files sent" if sent.object_name else "messages sent")
            outcomes = self.received.get(name, [])
            _add(figures, "lost", not outcomes)
            if not outcomes:
                continue
            kind, _, document = outcomes[0]
            _add(figures, "published more than once, identical", len(outcomes) > 1)
            _add(figures, "published with different content", len({outcome[:2] for outcome in outcomes}) > 1)
            if kind != sent.kind:
                species: tuple[str | None, ...] = (f"a {kind}",)
            elif sent.object_name:
                scored = client.bucket(RESULTS).blob(f"{sent.object_name}.scored.ndjson").download_as_bytes()
                species = tuple(json.loads(line).get("prediction") for line in scored.splitlines())
            else:
                species = tuple(row.get("prediction") for row in document.get("predictions", ()))
            _add(figures, "wrong", species != sent.species)
        deliveries = [status for answers in self.gateway.answers.values() for status in answers]
        _add(figures, "deliveries that failed and came again", sum(status != 204 for status in deliveries))
        unknown = self.received.keys() - self.sent.keys()
        _add(figures, "outcomes of no message", len(unknown))


def _add(figures: dict[str, int], what: str, how_many: int = 1) -> None:
    what = f"events: {what}"
    figures[what] = figures.get(what, 0) + how_many
