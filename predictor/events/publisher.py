"""Where results and rejects are published: the protocol, and the log, which is used where no topic is set."""

import logging
from typing import Final, Literal, Protocol

from predictor.events.scoring import Outcome
from predictor.telemetry import log

OutcomeKind = Literal["result", "reject"]

MAX_LOGGED_BYTES: Final = 200_000
"""Cloud Logging refuses lines over 256 KiB."""


class Publisher(Protocol):
    """Publishes the outcome of a message."""

    async def publish(self, outcome: Outcome, *, ordering_key: str, timeout_s: float) -> None:
        """Return when the publication is confirmed. Raises `PublisherUnavailable` within `timeout_s`."""
        ...


def kind_of(outcome: Outcome) -> OutcomeKind:
    return "result" if outcome.reason is None else "reject"


def attributes_of(outcome: Outcome) -> dict[str, str]:
    """What subscribers can filter and deduplicate by, without parsing the message."""
    kind = kind_of(outcome)
    common = {"content-type": "application/json", "id": outcome.id, "kind": kind}
    return common if outcome.reason is None else {**common, "reason": outcome.reason}


class LogPublisher:
    """Writes outcomes to the log, each as one line with the published document as text."""

    async def publish(self, outcome: Outcome, *, ordering_key: str, timeout_s: float) -> None:
        kind = kind_of(outcome)
        body = outcome.body
        log(
            logging.INFO,
            f"{kind}_published",
            f"A {kind}, in the log because no topic is set for it.",
            id=outcome.id,
            ordering_key=ordering_key,
            body=body[:MAX_LOGGED_BYTES].decode(errors="ignore"),
            body_truncated=len(body) > MAX_LOGGED_BYTES,
        )


class RoutingPublisher:
    """Results to one publisher, rejects to another."""

    def __init__(self, *, results: Publisher, rejects: Publisher) -> None:
        self._publishers: dict[OutcomeKind, Publisher] = {"result": results, "reject": rejects}

    async def publish(self, outcome: Outcome, *, ordering_key: str, timeout_s: float) -> None:
        publisher = self._publishers[kind_of(outcome)]
        await publisher.publish(outcome, ordering_key=ordering_key, timeout_s=timeout_s)
