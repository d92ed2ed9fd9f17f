"""From a message to the result or reject that is published for it.

Blocking, and dependent on the message and the model alone: the same two give the same bytes.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any, Final

from predictor import service
from predictor.batch import Batch
from predictor.batch_decoding import decode_valid_batch
from predictor.bulk import MAX_ROW_NUMBERS, read_json_lines
from predictor.decoding import decode, id_of, may_be_batch
from predictor.errors import InvalidInput, MalformedJson, RowFailure, Unscorable, Violation
from predictor.events.documents import (
    Attribute,
    ModelReference,
    ObjectReference,
    Probabilities,
    RejectMessage,
    ResultMessage,
    RowError,
    RowViolation,
    RowWarning,
    ScoredRow,
    outcome_id,
)
from predictor.events.message import Message
from predictor.models import LoadedModel
from predictor.penguin import Penguin
from predictor.prediction import Assessment, Id, Prediction
from predictor.record_schema import ALL_FEATURES, RecordSchema
from predictor.service import predict_batch

NDJSON: Final = "application/x-ndjson"
JSON_TYPES: Final = ("application/json", "")
MAX_OUTCOME_BYTES: Final = 9_900_000
"""Pub/Sub takes 10,000,000 with the attributes and the topic's name."""
MAX_REJECT_DATA_BYTES: Final = 6 * 1024 * 1024
"""Base64 makes four bytes of three, and the attributes need room too."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to publish for a message, and what the log line says. A reject has a reason, a result has none."""

    body: bytes
    id: str
    rows: int
    rejected_rows: int
    reason: str | None = None


def score(model: LoadedModel, message: Message, batch: Batch) -> Outcome:
    """The result of a message with the given rows."""
    ids = batch.ids or [None] * len(batch)
    answers = zip(ids, predict_batch(model, batch), strict=True)
    rows = [_scored_row(index, own_id, answer) for index, (own_id, answer) in enumerate(answers)]
    return result(model, message, rows=len(batch), rejected_rows=len(batch.errors), predictions=rows)


def _scored_row(index: int, own_id: Id, answer: Prediction | RowFailure) -> ScoredRow:
    id_text = own_id if own_id is None or isinstance(own_id, str) else json.dumps(own_id)
    if not isinstance(answer, Prediction):
        violations = answer.violations if isinstance(answer, InvalidInput) else ()
        return ScoredRow(row=index, id=id_text, error=RowError(detail=str(answer), errors=_violations(violations)))
    return ScoredRow(
        row=index,
        id=id_text,
        prediction=answer.prediction,
        probability=answer.probability,
        probabilities=Probabilities(**answer.probabilities),
        **_assessed(answer.assessment),
    )


def _assessed(assessment: Assessment | None) -> dict[str, Any]:
    if assessment is None:
        return {}
    warnings = [RowWarning(code=item.code, pointer=item.pointer, message=item.message) for item in assessment.warnings]
    return {**assessment._asdict(), "warnings": warnings}


def result(
    model: LoadedModel,
    message: Message,
    *,
    rows: int,
    rejected_rows: int,
    predictions: list[ScoredRow],
    scored_object: ObjectReference | None = None,
) -> Outcome:
    """The result of a message, of whose rows each has been scored or refused; a reject where it is too large."""
    published = ResultMessage(
        **_common(message),
        model=ModelReference(version=model.identity.version, digest=model.identity.digest),
        rows=rows,
        rejected_rows=rejected_rows,
        predictions=predictions,
        object=scored_object,
    )
    body = published.to_bytes()
    if len(body) > MAX_OUTCOME_BYTES:
        # Bad rows may take far more room in the result, with all that is wrong, than in the message.
        error = Unscorable("result_too_large", f"The result has {len(body)} bytes; send fewer rows in one message.")
        return reject(message, error, bad_object=scored_object)
    return Outcome(body, published.id, rows, rejected_rows)


def reject(
    message: Message,
    error: Unscorable,
    *,
    row_numbers: Sequence[int] = (),
    bad_object: ObjectReference | None = None,
) -> Outcome:
    """The reject of a message, with everything that is needed to correct it and send it again."""
    published = RejectMessage(
        **_common(message),
        reason=error.reason_code,
        detail=str(error),
        errors=_violations(error.violations),
        row_numbers=list(row_numbers)[:MAX_ROW_NUMBERS],
        data=base64.b64encode(message.data[:MAX_REJECT_DATA_BYTES]).decode(),
        data_bytes=len(message.data),
        data_truncated=len(message.data) > MAX_REJECT_DATA_BYTES,
        attributes=[Attribute(key=key, value=value) for key, value in sorted(message.attributes.items())],
        object=bad_object,
    )
    return Outcome(published.to_bytes(), published.id, 0, len(published.row_numbers), error.reason_code)


def _common(message: Message) -> dict[str, Any]:
    published = message.publish_time
    return {
        "id": outcome_id(message.source, message.id),
        "source": message.source,
        "message_id": message.id,
        "publish_time": published.astimezone(UTC).isoformat().replace("+00:00", "Z") if published else None,
    }


def read_rows(message: Message, schema: RecordSchema = ALL_FEATURES, *, max_data_bytes: int, max_rows: int) -> Batch:
    """The rows of a message. Raises `Unscorable`."""
    if message.defect is not None:
        raise Unscorable("malformed_event", f"The event cannot be read: {message.defect}.")
    if not message.data.strip():
        raise Unscorable("no_data", "The message has no data.")
    if len(message.data) > max_data_bytes:
        raise Unscorable("too_large", f"The message's data may have at most {max_data_bytes} bytes.")
    if message.content_type == NDJSON:
        return _read_lines(message.data, schema, max_rows)
    if message.content_type not in JSON_TYPES:
        raise Unscorable("unsupported_content_type", f"The attribute content-type may be application/json or {NDJSON}.")
    if may_be_batch(message.data) and (batch := decode_valid_batch(message.data, max_rows, schema)) is not None:
        return batch
    try:
        decoded = decode(message.data, schema, max_instances=max_rows)
    except MalformedJson as error:
        raise Unscorable("malformed_json", f"The message's data is not JSON: {error.reason}.") from error
    except InvalidInput as error:
        raise _invalid(error) from error
    if isinstance(decoded, Penguin):
        return Batch.of([decoded], [id_of(message.data, schema)])
    return Batch.of(decoded, decoded.ids)


def _read_lines(data: bytes, schema: RecordSchema, max_rows: int) -> Batch:
    if sum(bool(line.strip()) for line in data.split(b"\n")) > max_rows:
        raise Unscorable("too_many_rows", f"At most {max_rows} rows are scored in one message.")
    return read_json_lines(data, schema)


def _invalid(error: InvalidInput) -> Unscorable:
    if any(violation.code == "too_many" for violation in error.violations):
        return Unscorable("too_many_rows", error.violations[0].message, error.violations)
    return Unscorable("invalid_input", str(error), error.violations, error if error.refused is not None else None)


def with_hints(model: LoadedModel, error: InvalidInput) -> Unscorable:
    """Why a message with this one penguin can never be scored, with the hints that an HTTP answer would have."""
    return _invalid(service.with_hints(model, error))


def _violations(violations: Sequence[Violation]) -> list[RowViolation]:
    return [RowViolation.model_validate(asdict(violation)) for violation in violations]
