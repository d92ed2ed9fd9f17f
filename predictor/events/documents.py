"""What is published: a result for a scored message, a reject for one that can never be scored.

These models are the contract: `result.schema.json` and `reject.schema.json` (JSON Schema) and `result.table.json` and
`reject.table.json` (BigQuery) beside this file are generated from them (`python -m predictor.events.schemas`). Nothing
in a document depends on when or how often the message was scored, so that a redelivered message gives the identical
bytes. Every field has one type and every record fixed names, as the columns of a BigQuery table need it.
"""

import uuid
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, create_model

from predictor.digest import DIGEST_PATTERN
from predictor.errors import ViolationCode
from predictor.penguin import LABEL, SPECIES
from predictor.prediction import WarningCode

NAMESPACE: Final = uuid.UUID("8d3c7c1e-0f0f-5a55-9b0e-5f2b8c1d7a42")
"""Namespace of the ids below (RFC 9562, version 5); part of the contract."""


def outcome_id(source: str, message_id: str) -> str:
    """The id of a message's outcome: the same for every delivery."""
    # The length keeps ("a", "b c") and ("a b", "c") apart whatever characters they hold.
    return str(uuid.uuid5(NAMESPACE, f"{len(source)} {source} {message_id}"))


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RowViolation(_Frozen):
    """One thing that is wrong with a row; a caller's values are never repeated."""

    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the row.")]
    code: ViolationCode
    message: Annotated[str, Field(description="What is allowed.")]
    hint: Annotated[str | None, Field(description="How the value would fit, such as in another unit.")] = None


class RowError(_Frozen):
    """Why a row has no prediction."""

    detail: str
    errors: Annotated[list[RowViolation], Field(description="All violations at once; none for a row that is no JSON.")]


# One field per class, because the columns of a table are fixed.
_CLASS_FIELDS: Final[dict[str, Any]] = dict.fromkeys(SPECIES, (float | None, None))
Probabilities: Final[type[BaseModel]] = create_model(
    "Probabilities",
    __base__=_Frozen,
    __doc__=f"How likely each {LABEL} is; they sum to 1. A model that does not know a {LABEL} leaves it out.",
    __module__=__name__,
    **_CLASS_FIELDS,
)


class RowWarning(_Frozen):
    """A reason to doubt a prediction."""

    code: WarningCode
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the row; empty for the row as a whole.")]
    message: str


class ScoredRow(_Frozen):
    """The outcome of one row: a prediction or an error."""

    row: Annotated[int, Field(ge=0, description="Position in the message, from 0.")]
    id: Annotated[str | None, Field(description="The row's own id, as text; none for a row without one.")] = None
    prediction: Annotated[str | None, Field(description=f"The most probable {LABEL}.")] = None
    probability: Annotated[float | None, Field(description="Of the prediction.")] = None
    probabilities: Probabilities | None = None
    in_distribution: Annotated[
        bool | None,
        Field(description="Whether the row is like the reference rows. A model without a reference leaves this out."),
    ] = None
    p_value: Annotated[
        float | None, Field(description="Share of the reference rows that are at least as unlike the others.")
    ] = None
    prediction_set: Annotated[list[str] | None, Field(description=f"Each {LABEL} that remains possible.")] = None
    coverage: Annotated[float | None, Field(description="Of the prediction set.")] = None
    abstain: Annotated[bool | None, Field(description="Whether a person should decide instead.")] = None
    warnings: Annotated[list[RowWarning] | None, Field(description="Reasons to doubt the prediction.")] = None
    error: RowError | None = None


class ModelReference(_Frozen):
    """Which model answered."""

    version: str
    digest: Annotated[str, Field(description="sha256 of the model's manifest.", pattern=f"^{DIGEST_PATTERN}$")]


class ObjectReference(_Frozen):
    """The Cloud Storage object that a notification was about."""

    bucket: str
    name: str
    generation: str | None = None
    result_uri: Annotated[str | None, Field(description="Where the object's scored rows are (gs://...).")] = None


class _Outcome(_Frozen):
    id: Annotated[
        str,
        Field(description="UUID made from source and message id: equal for every repeat.", pattern="^[0-9a-f-]{36}$"),
    ]
    source: Annotated[str, Field(description="Where the message came from: //pubsub.googleapis.com/<subscription>.")]
    message_id: str
    publish_time: Annotated[str | None, Field(description="When the message was published (RFC 3339, UTC).")] = None


class ResultMessage(_Outcome):
    """A message was scored, if perhaps not all of its rows."""

    model_config = ConfigDict(title="Result")

    model: ModelReference
    rows: Annotated[int, Field(ge=0, description="Rows in the message or the object.")]
    rejected_rows: Annotated[int, Field(ge=0, description="Rows that have an error instead of a prediction.")]
    predictions: Annotated[
        list[ScoredRow], Field(description="One per row, in order; empty for an object, whose rows are in result_uri.")
    ]
    object: ObjectReference | None = None

    def to_bytes(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()


class Attribute(_Frozen):
    """One attribute of the message."""

    key: str
    value: str


class RejectMessage(_Outcome):
    """A message can never be scored. The reject carries it, so that it can be corrected and sent again."""

    model_config = ConfigDict(title="Reject")

    reason: Annotated[str, Field(description="A code for programs.", examples=["malformed_json", "no_data"])]
    detail: Annotated[str, Field(description="A sentence for people.")]
    errors: Annotated[list[RowViolation], Field(description="All violations, where the data is one bad penguin.")]
    row_numbers: Annotated[list[int], Field(description="Bad rows of an object, from 1; the first hundred.")]
    data: Annotated[str, Field(description="The message's data, base64.")]
    data_bytes: Annotated[int, Field(ge=0, description="Size of the message's data.")]
    data_truncated: Annotated[bool, Field(description="Whether `data` is only the beginning: Pub/Sub limits messages.")]
    attributes: Annotated[list[Attribute], Field(description="The message's attributes, sorted by key.")]
    object: ObjectReference | None = None

    def to_bytes(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()
