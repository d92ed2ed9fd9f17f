"""What requests and answers over HTTP look like, as pydantic models: for the OpenAPI document and for our client.

Serving does not import them: it writes the same answers without a model per row (`predictor.answers`).
"""

from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field

from predictor.digest import Digest
from predictor.errors import ViolationCode
from predictor.penguin import LABEL, NOUN, NOUN_PLURAL, SPECIES, Penguin
from predictor.prediction import MAX_ID_CHARS, WarningCode


def _absent_not_null(schema: dict[str, Any]) -> None:
    """A member that an answer may leave out is never null; a generated client need not expect it."""
    for member in schema["properties"].values():
        if member.get("default", ...) is None:
            del member["default"]
            kinds = [kind for kind in member.pop("anyOf") if kind != {"type": "null"}]
            member.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


class _Answer(BaseModel):
    model_config = ConfigDict(json_schema_extra=_absent_not_null)


class Batch(BaseModel):
    """Several rows in one request."""

    model_config = ConfigDict(extra="forbid")

    instances: list[Penguin]


class AnsweringModel(BaseModel):
    """Which model answered."""

    version: str
    digest: Annotated[Digest, Field(description="sha256 of the manifest: the model's identity.")]


class PlainPrediction(BaseModel):
    """The predicted class, and nothing else."""

    model_config = ConfigDict(extra="forbid")  # So that no detailed answer is one of these too.

    prediction: Annotated[str, Field(examples=[SPECIES[0]])]


RowId = Annotated[
    Annotated[str, Field(max_length=MAX_ID_CHARS)] | int | float | bool | None,
    Field(description="The row's own id, as it was sent; only in a batch, and only for a row that has one."),
]


class DoubtfulAnswer(BaseModel):
    """A reason to doubt an answer."""

    code: Annotated[str, Field(description="Others may come.", examples=[*get_args(WarningCode)])]
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the row; empty for the row as a whole.")]
    message: str


def _labelled_row(schema: dict[str, Any]) -> None:
    """Say which members the domain names; there are no others."""
    del schema["additionalProperties"]
    row = {"$ref": f"#/components/schemas/{Penguin.__name__}"}
    schema["properties"] |= {LABEL: {"type": "string", "examples": [SPECIES[0]]}, NOUN: row}
    schema["required"] += [LABEL, NOUN]


class NearestRow(BaseModel):
    """A reference row whose measurements are like those of the explained one."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_labelled_row)

    distance: Annotated[float, Field(ge=0, description="Mahalanobis distance.")]


class Explanation(BaseModel):
    """What the model's probability of the target is made of. It says nothing about causes."""

    target: Annotated[str, Field(examples=[SPECIES[0]])]
    baseline: Annotated[float, Field(description="Mean probability of the target over reference rows.")]
    contributions: Annotated[
        dict[str, float], Field(description="Shapley value per feature; their sum is the probability minus baseline.")
    ]
    neighbours: list[NearestRow]


class DetailedPrediction(_Answer):
    """The predicted class, its probabilities, how far to rely on them, and the model.

    A model that was published without a reference leaves out what is between `probabilities` and `model`, a model that
    could not be fitted again the prediction set.
    """

    id: RowId = None
    prediction: Annotated[str, Field(examples=[SPECIES[0]])]
    probability: Annotated[float, Field(ge=0, le=1.000001, description="Of the predicted class.")]
    probabilities: Annotated[dict[str, float], Field(description="Per class; they sum to 1.")]
    in_distribution: Annotated[
        bool | None,
        Field(description=f"Whether it is like the reference {NOUN_PLURAL}; not whether the prediction is right."),
    ] = None
    p_value: Annotated[
        float | None,
        Field(
            gt=0,
            le=1,
            description=f"Share of the reference {NOUN_PLURAL}, and this one, that are at least as unlike the others;"
            " not the probability that the prediction is right.",
        ),
    ] = None
    prediction_set: Annotated[
        list[str] | None, Field(min_length=1, description="The classes that remain possible at this coverage.")
    ] = None
    coverage: Annotated[
        float | None,
        Field(
            ge=0.5,
            lt=1,
            description="How often such sets hold the true class, estimated, on average over"
            f" {NOUN_PLURAL} like the reference ones; not for this one alone.",
        ),
    ] = None
    abstain: Annotated[
        bool | None,
        Field(description="Several classes remain possible, the best is improbable, or it is not in distribution."),
    ] = None
    warnings: list[DoubtfulAnswer] | None = None
    explanation: Annotated[Explanation | None, Field(description="Only with `explain=true`.")] = None
    model: AnsweringModel


class ProblemViolation(_Answer):
    """One violation. The caller's values are never repeated."""

    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the document, or the row, that was sent.")]
    code: Annotated[str, Field(description="Others may come.", examples=[*get_args(ViolationCode)])]
    message: Annotated[str, Field(description="What is allowed.")]
    hint: Annotated[
        str | None, Field(description="How the value would fit: in another unit, or in another field. Often absent.")
    ] = None


class Problem(BaseModel):
    """A problem document, RFC 9457."""

    type: Annotated[str, Field(description="Identifies the type of problem; stable.")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: Annotated[str, Field(description="Names the request, as its log lines do.")]
    errors: Annotated[
        list[ProblemViolation], Field(max_length=100, description="All violations at once; with status 422.")
    ] = []


class InstanceProblem(BaseModel):
    """What is wrong with one row; pointers are relative to that row."""

    detail: str
    errors: list[ProblemViolation]


class InstanceError(_Answer):
    """A row that is not valid."""

    id: RowId = None
    error: InstanceProblem


class PredictionsAnswer(BaseModel):
    """One entry per instance, in order."""

    predictions: list[DetailedPrediction | InstanceError]
