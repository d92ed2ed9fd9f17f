"""The endpoint of events: POST / scores one, publishes what comes of it, and answers once that is confirmed.

204: published, or nothing to publish; do not deliver it again. 503: trouble that passes; deliver it again. 4xx: no
event. Everything else (probes, methods, problem documents, timing, logs) is the HTTP endpoint's own.
"""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request

from predictor.errors import (
    BadObject,
    ModelUnavailable,
    NotAnEvent,
    PredictorError,
    PublisherUnavailable,
    StoreUnavailable,
    Unscorable,
)
from predictor.events import envelopes, scoring
from predictor.events.deadlines import Deadlines
from predictor.events.documents import ObjectReference
from predictor.events.message import Message
from predictor.events.notifications import Notification, notification_in
from predictor.events.object_scoring import ObjectScorer, in_daemon_thread
from predictor.events.publisher import Publisher
from predictor.events.scoring import Outcome
from predictor.models.loader import LoadedModel
from predictor.service import PredictionService
from predictor.telemetry.logs import log
from predictor.web.app import BLOCKING_BODY_BYTES, WebApp
from predictor.web.body import read_body
from predictor.web.problems import HttpProblem, Kind
from predictor.web.responses import JSON, BytesResponse

MAX_EVENT_BYTES: Final = 16 * 1024 * 1024
"""Pub/Sub's largest message (10 MB) as base64, with its attributes. What is over MAX_BODY_BYTES becomes a reject."""
MESSAGE_TIMEOUT_S: Final = 8.0
"""For a message of rows, all in all: less than the shortest ack deadline (10 s), after which Pub/Sub delivers again."""
OBJECT_TIMEOUT_S: Final = 570.0
"""For a file: less than the longest ack deadline (600 s)."""
PUBLISH_TIMEOUT_S: Final = 7.0
RETRY_AFTER_S: Final = 1

NOT_AN_EVENT: Final = Kind("not-an-event", "Bad Request", "The request carries neither a CloudEvent nor a push.")
NOT_SCORED: Final = Kind(
    "message-not-scored", "Service Unavailable", "The message could not be scored and published now; deliver it again."
)


@dataclass(slots=True)
class _Delivery:
    """One message on its way through, for the log line at its end."""

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
            message_id=message.id,
            source=message.source,
            delivery_attempt=message.delivery_attempt,
            age_s=age_s,
            duration_ms=round((time.perf_counter() - self.started) * 1000, 3),
            model_version=self.model_version,
            **fields,
        )


class EventsApp(WebApp):
    """Answers every path and method of the `score` function."""

    _not_found = "There is nothing at this path; events are posted to /."

    def __init__(
        self,
        service: PredictionService,
        publisher: Publisher,
        object_scorer: ObjectScorer | None = None,
        *,
        max_data_bytes: int,
        max_rows: int,
        message_timeout_s: float = MESSAGE_TIMEOUT_S,
        log_requests: bool = False,
        import_ms: float = 0.0,
    ) -> None:
        """Without an `object_scorer` (no bucket for results) files are rejected."""
        super().__init__(
            service,
            max_body_bytes=MAX_EVENT_BYTES,
            max_instances=max_rows,
            log_requests=log_requests,
            import_ms=import_ms,
        )
        self._publisher = publisher
        self._object_scorer = object_scorer
        self._max_data_bytes = max_data_bytes
        self._message_timeout_s = message_timeout_s
        self._deadlines = Deadlines()
        self._routes = {
            "/": {"GET": self._home, "POST": self._score},
            "/health": {"GET": self._health},
            "/ready": {"GET": self._ready},
        }

    async def _score(self, request: Request) -> BytesResponse:
        started = time.perf_counter()
        body = await read_body(request, self._max_body_bytes)
        try:
            message = envelopes.decode(request.headers, body)
        except NotAnEvent as error:
            raise HttpProblem(HTTPStatus.BAD_REQUEST, str(error), kind=NOT_AN_EVENT) from error
        del body  # It may have 16 MB, and need not wait with the message for the publish.
        delivery = _Delivery(message, started)
        notification = notification_in(message)
        if notification is not None and notification.ignored_because is not None:
            delivery.log(
                logging.INFO,
                "message_ignored",
                "A notification that asks for nothing.",
                reason=notification.ignored_because,
            )
            return _no_content()
        timeout_s = self._message_timeout_s if notification is None else OBJECT_TIMEOUT_S
        try:
            async with self._deadlines.limit(timeout_s):
                outcome = await self._outcome(delivery, notification)
                await self._publisher.publish(outcome, ordering_key=message.ordering_key, timeout_s=PUBLISH_TIMEOUT_S)
        except (ModelUnavailable, PublisherUnavailable, StoreUnavailable, TimeoutError) as error:
            raise self._failed(delivery, error) from error
        counts = {"rows": outcome.rows, "rejected_rows": outcome.rejected_rows}
        if outcome.reason is None:
            sentence = f"Scored {outcome.rows - outcome.rejected_rows} of {outcome.rows} rows."
            delivery.log(logging.INFO, "message_scored", sentence, **counts)
        else:
            sentence = "A message can never be scored; its reject is published."
            delivery.log(logging.WARNING, "message_rejected", sentence, **counts, reason=outcome.reason)
        return _no_content()

    async def _outcome(self, delivery: _Delivery, notification: Notification | None) -> Outcome:
        message = delivery.message
        try:
            if notification is not None:
                return await self._score_object(delivery, notification)
            if len(message.data) > BLOCKING_BODY_BYTES:
                rows = await asyncio.to_thread(self._read_rows, message)
            else:
                rows = self._read_rows(message)
        except Unscorable as error:
            return scoring.reject(message, error)
        model = await self._model_for(delivery)
        if model.engine.blocking or len(message.data) > BLOCKING_BODY_BYTES:
            return await asyncio.to_thread(scoring.score, model, message, rows)
        return scoring.score(model, message, rows)

    async def _score_object(self, delivery: _Delivery, notification: Notification) -> Outcome:
        message = delivery.message
        reference = ObjectReference(
            bucket=notification.bucket, name=notification.name, generation=notification.generation
        )
        scorer, generation = self._object_scorer, notification.generation_number
        if generation is None or not notification.names_an_object:
            error = Unscorable(
                "malformed_event", "The notification does not say which object it means, and which generation of it."
            )
            return scoring.reject(message, error, bad_object=reference)
        if scorer is None:
            error = Unscorable("no_results_bucket", "RESULTS_BUCKET is not set, so no file can be scored.")
            return scoring.reject(message, error, bad_object=reference)
        model = await self._model_for(delivery)
        try:
            scored = await in_daemon_thread(
                lambda: scorer.score(model, notification.bucket, notification.name, generation)
            )
        except BadObject as bad:
            error = Unscorable(bad.reason_code, str(bad))
            return scoring.reject(message, error, row_numbers=bad.row_numbers, bad_object=reference)
        return scoring.result(
            model,
            message,
            rows=scored.rows,
            rejected_rows=scored.rejected_rows,
            predictions=[],
            scored_object=reference.model_copy(update={"result_uri": scored.result_uri}),
        )

    def _read_rows(self, message: Message) -> Sequence[scoring.Row]:
        return scoring.read_rows(message, max_data_bytes=self._max_data_bytes, max_rows=self._max_instances)

    async def _model_for(self, delivery: _Delivery) -> LoadedModel:
        model = await self._service.model()
        delivery.model_version = model.identity.version
        return model

    def _failed(self, delivery: _Delivery, error: Exception) -> HttpProblem:
        """Log why a message was not scored now; the answer that has it delivered again."""
        reason, retry_after_s = "deadline", float(RETRY_AFTER_S)
        detail = "it took too long"
        if isinstance(error, PredictorError):
            reason, detail = _REASONS[type(error)], str(error)
        if isinstance(error, ModelUnavailable):
            retry_after_s = error.retry_after_s
        delivery.log(
            logging.ERROR,
            "message_failed",
            f"A message was not scored now and will be delivered again: {detail}",
            reason=reason,
        )
        retry_after = b"%d" % max(RETRY_AFTER_S, math.ceil(retry_after_s))
        return HttpProblem(
            HTTPStatus.SERVICE_UNAVAILABLE, NOT_SCORED.meaning, [(b"retry-after", retry_after)], kind=NOT_SCORED
        )


_REASONS: Final[dict[type[Exception], str]] = {
    ModelUnavailable: "model",
    PublisherUnavailable: "publisher",
    StoreUnavailable: "store",
}


def _no_content() -> BytesResponse:
    return BytesResponse(b"", JSON, HTTPStatus.NO_CONTENT)
