"""Google's Pub/Sub emulator on a free port, and what tests want of it: topics, subscriptions, pulling everything."""

import json
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import grpc
import httpx
from google.api_core.exceptions import DeadlineExceeded
from google.auth.credentials import AnonymousCredentials
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import PublisherOptions
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from tests.support.processes import free_port, wait_until
from tests.support.programs import missing, require_program

PROJECT: Final = "test"
ACK_DEADLINE_S: Final = 10
"""The shortest that Pub/Sub knows."""


@dataclass(frozen=True)
class Received:
    """One message as a subscriber got it."""

    id: str
    data: bytes
    attributes: dict[str, str]
    ordering_key: str
    publish_time: datetime

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.data)
        return document


class PubSubEmulator:
    """The emulator's own process: no wrapper, which would leave it behind."""

    def __init__(self, log_file: Path) -> None:
        java = require_program("java")
        jar = _emulator_jar()
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.env = {"PUBSUB_EMULATOR_HOST": self.host, "GOOGLE_CLOUD_PROJECT": PROJECT}
        with log_file.open("wb") as stream:
            self._process = subprocess.Popen(
                [java, "-Xmx256m", "-jar", str(jar), "--host=127.0.0.1", f"--port={self.port}"],
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._is_up, "the Pub/Sub emulator")
        channel = grpc.insecure_channel(self.host, options=[("grpc.max_receive_message_length", -1)])
        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        self.publisher = PublisherClient(
            publisher_options=PublisherOptions(enable_message_ordering=True),
            transport=PublisherGrpcTransport(channel=channel, credentials=credentials),
        )
        self.subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel, credentials=credentials))

    @property
    def pid(self) -> int:
        return self._process.pid

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "the Pub/Sub emulator ended early"
        try:
            return httpx.get(f"http://{self.host}", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def create_topic(self, name: str) -> str:
        topic = f"projects/{PROJECT}/topics/{name}"
        self.publisher.create_topic(request={"name": topic}, timeout=30)
        return topic

    def subscribe(self, topic: str, name: str, **options: Any) -> str:
        """Create a subscription; a pull one unless `options` say otherwise."""
        subscription = f"projects/{PROJECT}/subscriptions/{name}"
        request = {"name": subscription, "topic": topic, "ack_deadline_seconds": ACK_DEADLINE_S, **options}
        self.subscriber.create_subscription(request=request, timeout=30)
        return subscription

    def push(
        self, topic: str, name: str, url: str, *, dead_letter_topic: str | None = None, ordered: bool = False
    ) -> str:
        """Push to `url`; what fails is sent again soon, and after five attempts goes to the dead letters."""
        options: dict[str, Any] = {
            "push_config": {"push_endpoint": url},
            "enable_message_ordering": ordered,
        }
        if dead_letter_topic is not None:
            options["dead_letter_policy"] = {"dead_letter_topic": dead_letter_topic, "max_delivery_attempts": 5}
        return self.subscribe(topic, name, **options)

    def publish(self, topic: str, messages: Iterable[tuple[bytes, dict[str, str], str]]) -> list[str]:
        """Publish (data, attributes, ordering key); the messages' ids."""
        futures = [
            self.publisher.publish(topic, data, ordering_key=key, **attributes) for data, attributes, key in messages
        ]
        return [future.result(60) for future in futures]

    def pull_all(
        self, subscription: str, until: Callable[[list[Received]], bool], timeout_s: float = 30.0
    ) -> list[Received]:
        """Pull and acknowledge until the messages so far are enough, in the order of their publishing."""
        received: list[Received] = []
        deadline = time.monotonic() + timeout_s
        while not until(received):
            assert time.monotonic() < deadline, f"after {timeout_s:g} s {len(received)} messages are not enough"
            received += self.pull(subscription)
        return received

    def pull(self, subscription: str, timeout_s: float = 2.0) -> list[Received]:
        """What there is now, acknowledged."""
        try:
            answer = self.subscriber.pull(
                request={"subscription": subscription, "max_messages": 1000}, timeout=timeout_s, retry=None
            )
        except DeadlineExceeded:
            return []
        messages = [item.message for item in answer.received_messages]
        if messages:
            ack_ids = [item.ack_id for item in answer.received_messages]
            self.subscriber.acknowledge(request={"subscription": subscription, "ack_ids": ack_ids}, timeout=30)
        return [Received(m.message_id, m.data, dict(m.attributes), m.ordering_key, m.publish_time) for m in messages]

    def stop(self) -> None:
        self.publisher.stop()
        self.publisher.transport.close()
        self.subscriber.close()
        self._process.kill()
        self._process.wait(10)


def _emulator_jar() -> Path:
    """The emulator in gcloud's SDK. Without it the test skips, or fails under CI."""
    gcloud = Path(require_program("gcloud")).resolve()
    # The SDK's root holds bin/gcloud; a package manager may link to it from elsewhere.
    answer = subprocess.run(
        [str(gcloud), "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, check=True
    )
    jars = sorted(Path(answer.stdout.strip()).glob("platform/pubsub-emulator/lib/cloud-pubsub-emulator-*.jar"))
    if not jars:
        missing("gcloud's Pub/Sub emulator (gcloud components install pubsub-emulator)")
    return jars[-1]
