"""The function `score`: POST / scores one event, publishes the outcome, and answers once that is confirmed.

204: published, or nothing to publish. 503: a retryable error, so the message is redelivered. 4xx: not an event.
Probes, methods, problem documents, timing and logs are those of every `Endpoint`.
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from predictor.artifacts import ModelCache
from predictor.batch import Batch
from predictor.errors import (
    BadObject,
    ModelUnavailable,
    NotAnEvent,
    PredictorError,
    PublisherUnavailable,
    StoreUnavailable,
    Unscorable,
    for_error,
)
from predictor.events import envelopes, scoring
from predictor.events.deadlines import Deadlines
from predictor.events.delivery import Delivery
from predictor.events.documents import ObjectReference
from predictor.events.message import Message
from predictor.events.notifications import Notification, notification_in
from predictor.events.object_scorer import ObjectScorer, in_daemon_thread
from predictor.events.publisher import Publisher
from predictor.events.scoring import Outcome
from predictor.models import LoadedModel
from predictor.record_schema import NO_FEATURES, RecordSchema
from predictor.telemetry import use_request_id
from predictor.web import (
    BLOCKING_BODY_BYTES,
    Admission,
    BytesResponse,
    Endpoint,
    FirstAnswer,
    HttpProblem,
    Probes,
    ProblemType,
    Trimmer,
    no_content,
    read_body,
    run_maybe_in_thread,
)

MAX_EVENT_BYTES: Final = 16 * 1024 * 1024
"""Pub/Sub's largest message (10 MB) as base64, with its attributes. Data over MAX_BODY_BYTES becomes a reject."""
MESSAGE_TIMEOUT_S: Final = 8.0
"""Time limit of a message of rows: less than the shortest acknowledgement deadline (10 s) of Pub/Sub."""
OBJECT_TIMEOUT_S: Final = 570.0
"""Time limit of a file: less than the longest acknowledgement deadline (600 s)."""
PUBLISH_TIMEOUT_S: Final = 7.0
RETRY_AFTER_S: Final = 1
REQUEST_ID: Final = "requestid"
"""The attribute with which a publisher names a message in log lines. CloudEvents allows only letters and digits."""
LARGE_EVENT_BYTES: Final = 256 * 1024
"""Larger requests take turns: such an event needs several times its size in memory until it is published.

A thousand birds have less.
"""
MEMORY_PER_BYTE: Final = 8
"""What a byte of a large event needs until its outcome is published, about."""

NOT_AN_EVENT: Final = ProblemType("not-an-event", "Bad Request", "The request carries neither a CloudEvent nor a push.")
NOT_SCORED: Final = ProblemType(
    "message-not-scored", "Service Unavailable", "The message could not be scored and published now; redeliver it."
)
NOT_FOUND: Final = "There is nothing at this path; events are posted to /."


def events_app(
    models: ModelCache[LoadedModel],
    publisher: Publisher,
    object_scorer: ObjectScorer | None = None,
    *,
    max_data_bytes: int,
    max_rows: int,
    admission: Admission,
    message_timeout_s: float = MESSAGE_TIMEOUT_S,
    log_requests: bool = False,
    import_ms: float = 0.0,
) -> Endpoint:
    """Everything that `score` answers. Without an `object_scorer` (no bucket for results) files are rejected."""
    routes = Probes(models, FirstAnswer(import_ms)).routes()
    handler = _Handler(
        models,
        publisher,
        object_scorer,
        max_data_bytes=max_data_bytes,
        max_rows=max_rows,
        message_timeout_s=message_timeout_s,
    )
    routes["/"]["POST"] = handler.score
    return Endpoint(routes, models, not_found=NOT_FOUND, admission=admission, log_requests=log_requests)


class _Handler:
    """POST /."""

    def __init__(
        self,
        models: ModelCache[LoadedModel],
        publisher: Publisher,
        object_scorer: ObjectScorer | None,
        *,
        max_data_bytes: int,
        max_rows: int,
        message_timeout_s: float,
    ) -> None:
        self._models = models
        self._publisher = publisher
        self._object_scorer = object_scorer
        self._max_data_bytes = max_data_bytes
        self._max_rows = max_rows
        self._message_timeout_s = message_timeout_s
        self._deadlines = Deadlines()
        self._large = asyncio.Semaphore(1)
        self._trimmer = Trimmer()

    async def score(self, request: Request) -> BytesResponse:
        started = time.perf_counter()
        async with self._turn(request):
            message = await self._message(request)
            if len(message.data) > BLOCKING_BODY_BYTES:  # Else only its length was not known.
                return await self._deliver(Delivery(message, started))
        return await self._deliver(Delivery(message, started))

    @asynccontextmanager
    async def _turn(self, request: Request) -> AsyncIterator[None]:
        """Wait until no other large request is in work. A small one has its turn at once."""
        length = request.headers.get("content-length")
        if length is not None and int(length) <= LARGE_EVENT_BYTES:
            yield
            return
        try:
            async with self._deadlines.limit(self._message_timeout_s):
                await self._large.acquire()
        except TimeoutError as error:
            raise _not_now(RETRY_AFTER_S) from error
        try:
            yield
        finally:
            self._large.release()
            freed_bytes = MEMORY_PER_BYTE * int(length or LARGE_EVENT_BYTES)
            self._trimmer.freed(freed_bytes, idle=not self._large.locked())

    async def _message(self, request: Request) -> Message:
        body = await read_body(request, MAX_EVENT_BYTES)
        in_thread = len(body) > BLOCKING_BODY_BYTES
        try:
            message = await run_maybe_in_thread(in_thread, envelopes.decode, request.headers, body)
        except NotAnEvent as error:
            raise HttpProblem(HTTPStatus.BAD_REQUEST, str(error), problem_type=NOT_AN_EVENT) from error
        if (given := message.attributes.get(REQUEST_ID)) is not None:
            use_request_id(given)
        return message

    async def _deliver(self, delivery: Delivery) -> BytesResponse:
        message = delivery.message
        notification = notification_in(message)
        if notification is not None and notification.ignored_because is not None:
            delivery.log(
                logging.INFO,
                "message_ignored",
                "The notification is not about a file to score.",
                reason=notification.ignored_because,
            )
            return no_content()
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
            sentence = "The message can never be scored; its reject is published."
            delivery.log(logging.WARNING, "message_rejected", sentence, **counts, reason=outcome.reason)
        return no_content()

    async def _outcome(self, delivery: Delivery, notification: Notification | None) -> Outcome:
        message = delivery.message
        large = len(message.data) > BLOCKING_BODY_BYTES
        try:
            if notification is not None:
                return await self._score_object(delivery, notification)
            if self._models.current is None:  # What no model could score is rejected without one.
                await run_maybe_in_thread(large, self._read_rows, message, NO_FEATURES)
            model = await self._model_for(delivery)
            batch = await run_maybe_in_thread(large, self._read_rows, message, model.schema)
        except Unscorable as error:
            unscorable = error.without_frames()  # This one has the message.
            if error.invalid is not None:  # Without the model there would be no hint, and another reject next time.
                unscorable = scoring.with_hints(await self._model_for(delivery), error.invalid)
            return await run_maybe_in_thread(large, scoring.reject, message, unscorable)
        return await run_maybe_in_thread(model.engine.blocking or large, scoring.score, model, message, batch)

    async def _score_object(self, delivery: Delivery, notification: Notification) -> Outcome:
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

    def _read_rows(self, message: Message, schema: RecordSchema) -> Batch:
        return scoring.read_rows(message, schema, max_data_bytes=self._max_data_bytes, max_rows=self._max_rows)

    async def _model_for(self, delivery: Delivery) -> LoadedModel:
        model = await self._models.get()
        delivery.model_version = model.identity.version
        return model

    def _failed(self, delivery: Delivery, error: Exception) -> HttpProblem:
        """Log why a message was not scored now; the answer that makes Pub/Sub redeliver it."""
        reason, retry_after_s = "deadline", float(RETRY_AFTER_S)
        detail = "it took too long"
        if isinstance(error, PredictorError):
            reason, detail = for_error(_REASONS, error, "error"), str(error)
        if isinstance(error, ModelUnavailable):
            retry_after_s = error.retry_after_s
        delivery.log(
            logging.ERROR,
            "message_failed",
            f"The message was not scored now and will be redelivered: {detail}",
            reason=reason,
        )
        return _not_now(retry_after_s)


def _not_now(retry_after_s: float) -> HttpProblem:
    retry_after = b"%d" % max(RETRY_AFTER_S, math.ceil(retry_after_s))
    return HttpProblem(
        HTTPStatus.SERVICE_UNAVAILABLE, NOT_SCORED.meaning, [(b"retry-after", retry_after)], problem_type=NOT_SCORED
    )


_REASONS: Final[dict[type[Exception], str]] = {
    ModelUnavailable: "model",
    PublisherUnavailable: "publisher",
    StoreUnavailable: "store",
}
