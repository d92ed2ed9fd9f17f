"""One delivery of a message, as log lines name it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from predictor.events.message import Message
from predictor.telemetry import log
from predictor.text import shortened

MAX_LOGGED_NAME: Final = 300
"""Characters of a message's id and source. Whoever sends an event chooses them; Pub/Sub's own are shorter."""


@dataclass(slots=True)
class Delivery:
    """One delivery of a message."""

    message: Message
    started: float
    model_version: str | None = None

    def log(self, severity: int, event: str, sentence: str, **fields: Any) -> None:
        message = self.message
        published = message.publish_time
        age_s = None if published is None else round((datetime.now(UTC) - published).total_seconds(), 3)
        log(
            severity,
            event,
            sentence,
            message_id=shortened(message.id, MAX_LOGGED_NAME),
            source=shortened(message.source, MAX_LOGGED_NAME),
            delivery_attempt=message.delivery_attempt,
            age_s=age_s,
            duration_ms=round((time.perf_counter() - self.started) * 1000, 3),
            model_version=self.model_version,
            **fields,
        )
