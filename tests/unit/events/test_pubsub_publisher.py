"""How the Pub/Sub publisher deals with errors that no server can be made to give."""

from concurrent.futures import Future
from typing import Any

import pytest
from google.api_core.exceptions import PermissionDenied, ServiceUnavailable
from google.auth.exceptions import RefreshError
from google.cloud.pubsub_v1.publisher.exceptions import MessageTooLargeError, PublishToPausedOrderingKeyException

from predictor.errors import PublisherUnavailable
from predictor.events import pubsub_publisher
from predictor.events.pubsub_publisher import PubSubClient, PubSubPublisher
from predictor.events.scoring import Outcome
from tests.support.asgi import run

OUTCOME = Outcome(b"{}", "a", rows=1, rejected_rows=0)


class FakeGoogleClient:
    """Answers each publish with the next of `answers`, an exception or None for success; then not at all."""

    def __init__(self, *answers: Exception | None) -> None:
        self._answers = list(answers)
        self.published = 0
        self.resumed = 0

    def publish(self, topic: str, data: bytes, **options: Any) -> "Future[str]":
        self.published += 1
        future: Future[str] = Future()
        if self._answers:
            answer = self._answers.pop(0)
            if answer is None:
                future.set_result("1")
            else:
                future.set_exception(answer)
        return future

    def resume_publish(self, topic: str, ordering_key: str) -> None:
        self.resumed += 1
        raise RuntimeError("Ordering key is not paused.")


class FakeClients(PubSubClient):
    """Hands out clients; a discarded one is followed by the next."""

    def __init__(self, *clients: FakeGoogleClient) -> None:
        super().__init__()
        self._clients = list(clients)

    async def get(self) -> Any:
        return self._clients[0]

    def discard(self, client: Any) -> None:
        self._clients.remove(client)


class MadeClients(PubSubClient):
    """Makes fake clients, one after the other."""

    def _make(self) -> Any:
        self._client = FakeGoogleClient()
        return self._client


def publish(clients: PubSubClient, *, timeout_s: float = 10.0, ordering_key: str = "nest-1") -> None:
    run(
        PubSubPublisher("projects/p/topics/t", clients).publish(OUTCOME, ordering_key=ordering_key, timeout_s=timeout_s)
    )


@pytest.mark.parametrize(
    "error",
    [
        ServiceUnavailable("down"),  # type: ignore[no-untyped-call]
        PublishToPausedOrderingKeyException("nest-1"),
        RuntimeError("Batch cancelled because prior ordered message for the same key has failed."),
    ],
)
def test_a_retryable_error_is_retried_and_the_key_resumed(error: Exception) -> None:
    client = FakeGoogleClient(error, None)
    publish(FakeClients(client))
    assert (client.published, client.resumed) == (2, 1)


@pytest.mark.parametrize(
    "error",
    [
        PermissionDenied("no"),  # type: ignore[no-untyped-call]
        RefreshError("no token"),  # type: ignore[no-untyped-call]
        MessageTooLargeError("too large"),
    ],
)
def test_a_permanent_error_is_not_retried(error: Exception) -> None:
    client = FakeGoogleClient(error)
    with pytest.raises(PublisherUnavailable, match=type(error).__name__):
        publish(FakeClients(client))
    assert client.published == 1


def test_retries_end_when_the_time_is_up() -> None:
    client = FakeGoogleClient(*[ServiceUnavailable("down") for _ in range(100)])  # type: ignore[no-untyped-call]
    with pytest.raises(PublisherUnavailable, match="ServiceUnavailable"):
        publish(FakeClients(client), timeout_s=0.5)
    assert client.published < 10


def test_a_client_that_no_longer_answers_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pubsub_publisher, "ATTEMPT_TIMEOUT_S", 0.05)
    monkeypatch.setattr(pubsub_publisher, "SILENCE_S", 0.05)
    silent, good = FakeGoogleClient(), FakeGoogleClient(None)
    publish(FakeClients(silent, good))
    assert (silent.published, good.published) == (1, 1)


def test_a_client_is_kept_until_it_is_discarded() -> None:
    clients = MadeClients()
    first = run(clients.get())
    assert run(clients.get()) is first
    clients.discard(first)
    second = run(clients.get())
    assert second is not first
    clients.discard(first)  # By another message that was waiting for it: the new client is not to blame.
    assert run(clients.get()) is second
