"""A Pub/Sub topic as a publisher.

`google-cloud-pubsub` costs half a second to import, and its client holds threads and a gRPC channel that would not
survive the framework's fork: both wait until the first message is published, in the worker.
"""

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from predictor.errors import PredictorError, PublisherUnavailable
from predictor.events.publisher import attributes_of
from predictor.events.scoring import Outcome
from predictor.text import describe_error

if TYPE_CHECKING:
    from google.cloud.pubsub_v1 import PublisherClient

BATCH_LATENCY_S: Final = 0.005
"""The client collects messages for so long: enough to share a request under load, too little to be noticed."""
ATTEMPT_TIMEOUT_S: Final = 3.0
"""Time limit of one attempt, so that a connection which broke while the instance had no CPU leaves time for more."""
SILENCE_S: Final = 1.0
"""How long past an attempt's timeout the client may take to report it; after that it is discarded."""
FIRST_PAUSE_S: Final = 0.1


class PubSubClient:
    """Google's publisher client, made when it is first needed; shared by the topics of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: PublisherClient | None = None

    async def get(self) -> "PublisherClient":
        return self._client or await asyncio.to_thread(self._make)

    def discard(self, client: "PublisherClient") -> None:
        """Make a new client for the next message, because this one no longer reports how its requests end."""
        if self._client is client:
            self._client = None

    def _make(self) -> "PublisherClient":
        with self._lock:
            if self._client is None:
                from google.cloud.pubsub_v1 import PublisherClient
                from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions

                self._client = PublisherClient(
                    BatchSettings(max_messages=100, max_bytes=1024 * 1024, max_latency=BATCH_LATENCY_S),
                    PublisherOptions(enable_message_ordering=True),
                )
            return self._client


class PubSubPublisher:
    """Publishes to one topic, `projects/P/topics/T`, and waits for the confirmation."""

    def __init__(self, topic: str, client: PubSubClient) -> None:
        self._topic = topic
        self._client = client

    async def publish(self, outcome: Outcome, *, ordering_key: str, timeout_s: float) -> None:
        """See `Publisher`. Retryable errors are retried until the time is up."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._publish(outcome, ordering_key, time.monotonic() + timeout_s)
        except TimeoutError as error:
            raise PublisherUnavailable(self._topic, f"no confirmation within {timeout_s:.1f} s") from error

    async def _publish(self, outcome: Outcome, ordering_key: str, deadline: float) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await self._publish_once(outcome, ordering_key, deadline)
            except _Retryable as retryable:
                if time.monotonic() + pause_s > deadline:
                    raise PublisherUnavailable(self._topic, str(retryable)) from retryable.__cause__
            await asyncio.sleep(pause_s)
            pause_s *= 2

    async def _publish_once(self, outcome: Outcome, ordering_key: str, deadline: float) -> None:
        """One attempt. Raises `_Retryable` when another may succeed, else `PublisherUnavailable`."""
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        timeout_s = max(0.1, min(ATTEMPT_TIMEOUT_S, deadline - time.monotonic()))
        client: PublisherClient | None = None
        try:
            client = await self._client.get()
            # The client's own retry would have no end, because ordering is enabled: hence none, and a loop around it.
            attempt = client.publish(
                self._topic,
                outcome.body,
                ordering_key=ordering_key,
                retry=None,
                timeout=timeout_s,
                **attributes_of(outcome),
            )
            async with asyncio.timeout(timeout_s + SILENCE_S):
                await asyncio.wrap_future(attempt)
        except TimeoutError as error:
            if client is not None:
                self._client.discard(client)
            raise _Retryable(f"no answer within {timeout_s:.1f} s") from error
        # The last three: its own errors, which share no root, and what it raises for a key that is paused.
        except (GoogleAPIError, GoogleAuthError, ValueError, RuntimeError, _paused()) as error:
            if client is not None and ordering_key:
                _resume(client, self._topic, ordering_key)
            reason = describe_error(error)
            if _is_retryable(error):
                raise _Retryable(reason) from error
            raise PublisherUnavailable(self._topic, reason) from error


class _Retryable(PredictorError):
    """One attempt failed, and another may succeed."""


def _paused() -> type[Exception]:
    from google.cloud.pubsub_v1.publisher.exceptions import PublishToPausedOrderingKeyException

    paused: type[Exception] = PublishToPausedOrderingKeyException
    return paused


def _resume(client: Any, topic: str, ordering_key: str) -> None:
    """Let the key publish again: after an error the client refuses it until `resume_publish` is called."""
    # It may not be paused, or another message of the same key has resumed it.
    with contextlib.suppress(RuntimeError):
        client.resume_publish(topic, ordering_key)


def _is_retryable(error: Exception) -> bool:
    from google.api_core import exceptions
    from google.auth.exceptions import TransportError

    retryable = (
        exceptions.Aborted,
        exceptions.Cancelled,
        exceptions.DeadlineExceeded,
        exceptions.InternalServerError,
        exceptions.ResourceExhausted,
        exceptions.RetryError,
        exceptions.ServiceUnavailable,
        exceptions.Unknown,
        TransportError,
        RuntimeError,  # A batch that was cancelled because another message of its key failed.
        _paused(),
    )
    return isinstance(error, retryable)
