"""The OpenAPI 3.1 document, built from the pydantic models that do the work."""

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from predictor import __version__
from predictor.digest import Digest
from predictor.penguin import DESCRIPTION, EXAMPLES, LABEL, NOUN, NOUN_PLURAL, SPECIES, Penguin
from predictor.prediction import MAX_ID_CHARS, EngineName, ProtocolName, WarningCode
from predictor.schema import FEATURES
from predictor.web.model_info import ModelInfo
from predictor.web.probes import GREETING
from predictor.web.problems import PROBLEM_TYPES, Problem, ProblemViolation
from predictor.web.protocols.openapi import protocol_paths, protocol_tags
from predictor.web.request_schemas import FEEDBACK_ANSWER, FEEDBACK_PROBLEMS, describe_record, feedback_body

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_CSV: Final = "text/csv"
_NDJSON: Final = "application/x-ndjson"
_REF: Final = "#/components/schemas/{model}"


class Instances(BaseModel):
    """Several rows in one request."""

    model_config = ConfigDict(extra="forbid")

    instances: list[Penguin]


class AnsweringModel(BaseModel):
    """Which model answered."""

    version: str
    digest: Annotated[Digest, Field(description="sha256 of the manifest: the model's identity.")]


class PlainPrediction(BaseModel):
    """The predicted class, and nothing else."""

    prediction: Annotated[str, Field(examples=[SPECIES[0]])]


RowId = Annotated[
    Annotated[str, Field(max_length=MAX_ID_CHARS)] | float | bool | None,
    Field(description="The row's own id, as it was sent; only in a batch, and only for a row that has one."),
]


class DoubtfulAnswer(BaseModel):
    """A reason to doubt an answer."""

    code: WarningCode
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the row; empty for the row as a whole.")]
    message: str


class NearestRow(BaseModel):
    """A reference row whose measurements are like those of the explained one."""

    model_config = ConfigDict(extra="allow")

    distance: Annotated[float, Field(ge=0, description="Mahalanobis distance.")]


class Explanation(BaseModel):
    """Why the target has its probability."""

    target: Annotated[str, Field(examples=[SPECIES[0]])]
    baseline: Annotated[float, Field(description="Mean probability over reference rows.")]
    contributions: Annotated[
        dict[str, float], Field(description="Shapley value per feature; their sum is the probability minus baseline.")
    ]
    neighbours: list[NearestRow]


class DetailedPrediction(BaseModel):
    """The predicted class, its probabilities, how far to rely on them, and the model.

    A model that was published without a reference leaves out what is between `probabilities` and `model`, a model that
    could not be fitted again the prediction set.
    """

    id: RowId = None
    prediction: Annotated[str, Field(examples=[SPECIES[0]])]
    probability: Annotated[float, Field(ge=0, le=1.000001, description="Of the predicted class.")]
    probabilities: Annotated[dict[str, float], Field(description="Per class; they sum to 1.")]
    in_distribution: Annotated[bool | None, Field(description=f"Whether it is like the reference {NOUN_PLURAL}.")] = (
        None
    )
    p_value: Annotated[
        float | None,
        Field(gt=0, le=1, description=f"Share of the reference {NOUN_PLURAL} that are at least as unlike the others."),
    ] = None
    prediction_set: Annotated[
        list[str] | None, Field(min_length=1, description="The classes that remain possible at this coverage.")
    ] = None
    coverage: Annotated[float | None, Field(ge=0.5, lt=1, description="Of the prediction set.")] = None
    abstain: Annotated[
        bool | None,
        Field(description="Several classes remain possible, the best is improbable, or it is not in distribution."),
    ] = None
    warnings: list[DoubtfulAnswer] | None = None
    explanation: Annotated[Explanation | None, Field(description="Only with `explain=true`.")] = None
    model: AnsweringModel


class InstanceProblem(BaseModel):
    """What is wrong with one row; pointers are relative to that row."""

    detail: str
    errors: list[ProblemViolation]


class InstanceError(BaseModel):
    """A row that is not valid."""

    id: RowId = None
    error: InstanceProblem


class PredictionsAnswer(BaseModel):
    """One entry per instance, in order."""

    predictions: list[DetailedPrediction | InstanceError]


class Welcome(BaseModel):
    """The service's greeting."""

    message: Annotated[str, Field(json_schema_extra={"const": GREETING})]


class Health(BaseModel):
    """The process can serve."""

    status: Literal["ok"]


class ReadyModel(AnsweringModel):
    """The loaded model."""

    engine: EngineName


class Ready(BaseModel):
    """A model is loaded."""

    status: Literal["ready"]
    model: ReadyModel


_SCHEMAS: Final[tuple[type[BaseModel], ...]] = (
    Penguin,
    Instances,
    PlainPrediction,
    DetailedPrediction,
    PredictionsAnswer,
    Problem,
    Welcome,
    Health,
    Ready,
    ModelInfo,
)


@cache
def openapi_json(
    features: tuple[str, ...] = FEATURES, *, feedback: bool = False, protocols: tuple[ProtocolName, ...] = ()
) -> bytes:
    """The document as JSON."""
    return orjson.dumps(openapi_document(features, feedback=feedback, protocols=protocols))


def openapi_document(
    features: Sequence[str] = FEATURES, *, feedback: bool = False, protocols: Sequence[ProtocolName] = ()
) -> dict[str, Any]:
    """The document. Every status that a path can answer is listed.

    `features`: what a record must hold. `feedback`: whether there is `POST /feedback`. `protocols`: of other services.
    """
    _, definitions = models_json_schema([(model, "validation") for model in _SCHEMAS], ref_template=_REF)
    describe_record(definitions["$defs"][Penguin.__name__], features)
    predict = _predict_operation("predict", f"Predict the class of one {NOUN}, or of several {NOUN_PLURAL}.")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Penguin Predictor",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Relative, so that the page works behind any host and on a path below a gateway.
        "servers": [{"url": ".", "description": "this service"}],
        "tags": [
            {"name": "predict", "description": "Which class is it?"},
            {"name": "service", "description": "Can it serve, and which model does it use?"},
            *protocol_tags(protocols),
        ],
        "paths": {
            "/": {
                "get": _operation("home", "Greeting.", {"200": _answer("The service is there.", "Welcome")}),
                "post": _predict_operation("predictAtRoot", "The same as POST /predict, for `gcloud functions call`."),
            },
            "/predict": {"post": predict},
            "/health": {
                "get": _operation("health", "Can this process serve?", {"200": _answer("It can.", "Health")}, "503")
            },
            "/ready": {
                "get": _operation(
                    "ready", "Is a model loaded? Loads it if need be.", {"200": _answer("It is.", "Ready")}, "503"
                )
            },
            "/model": {
                "get": _operation("model", "The model in use.", {"200": _answer("Its manifest.", "ModelInfo")}, "503")
            },
            **({"/feedback": {"post": _feedback_operation()}} if feedback else {}),
            **protocol_paths(protocols),
        },
        "components": {"schemas": definitions["$defs"], "headers": _headers()},
    }


def _predict_operation(operation_id: str, summary: str) -> dict[str, Any]:
    ok = {
        "description": "The predicted class; with `details=true` or `instances`, with its details.",
        "headers": _header_refs("Model-Version", "Server-Timing"),
        "content": {
            _JSON: {
                "schema": {
                    "anyOf": [_ref("PlainPrediction"), _ref("DetailedPrediction"), _ref("PredictionsAnswer")],
                },
                "examples": {"plain": {"value": {"prediction": SPECIES[0]}}},
            }
        },
    }
    operation = _operation(operation_id, summary, {"200": ok}, "400", "408", "413", "415", "422", "503")
    operation["parameters"] = [
        {
            "name": "details",
            "in": "query",
            "description": "Answer with probabilities, how far to rely on them, and the model's identity.",
            "schema": {"type": "boolean", "default": False},
        },
        {
            "name": "coverage",
            "in": "query",
            "description": "Of the prediction set; implies details. Few reference rows support less than 0.995.",
            "schema": {"type": "number", "minimum": 0.5, "maximum": 0.995},
        },
        {
            "name": "explain",
            "in": "query",
            "description": "Add Shapley values and the nearest reference rows; implies details.",
            "schema": {"type": "boolean", "default": False},
        },
    ]
    operation["requestBody"] = {
        "required": True,
        "content": {
            _JSON: {
                "schema": {"anyOf": [_ref(Penguin.__name__), _ref("Instances")]},
                "examples": {
                    f"one {NOUN}": {"value": EXAMPLES[0]},
                    "several": {"value": {"instances": list(EXAMPLES)}},
                },
            }
        },
    }
    return _streamed(operation)


def _streamed(operation: dict[str, Any]) -> dict[str, Any]:
    """The operation, with bodies that are answered line by line while they arrive."""
    operation["requestBody"]["content"] |= {_CSV: {"schema": {"type": "string"}}, _NDJSON: {}}
    operation["responses"]["200"]["content"][_NDJSON] = {}
    return operation


def _feedback_operation() -> dict[str, Any]:
    operation = _operation("predictFeedback", f"Tell the {LABEL} that a {NOUN} has.", {}, *FEEDBACK_PROBLEMS)
    headers = _header_refs("Model-Version", "Server-Timing")
    operation["responses"]["202"] = {
        "description": "It is counted, and not kept.",
        "headers": headers,
        **FEEDBACK_ANSWER,
    }
    operation["requestBody"] = feedback_body(_ref(Penguin.__name__))
    return operation


def _operation(operation_id: str, summary: str, good: dict[str, Any], *problems: str) -> dict[str, Any]:
    responses = {**good, **{status: _problem(status) for status in (*problems, "500")}}
    tag = "predict" if operation_id.startswith("predict") else "service"
    return {"operationId": operation_id, "tags": [tag], "summary": summary, "responses": responses}


def _answer(description: str, schema: str) -> dict[str, Any]:
    return {
        "description": description,
        "headers": _header_refs("Model-Version", "Server-Timing"),
        "content": {_JSON: {"schema": _ref(schema)}},
    }


def _problem(status: str) -> dict[str, Any]:
    problem_type = PROBLEM_TYPES[HTTPStatus(int(status))]
    headers = ["Server-Timing", *(["Retry-After"] if status == "503" else [])]
    example = Problem(type=problem_type.type, title=problem_type.title, status=int(status), detail=problem_type.meaning)
    return {
        "description": problem_type.meaning,
        "headers": _header_refs(*headers),
        "content": {_PROBLEM: {"schema": _ref("Problem"), "example": example.model_dump()}},
    }


def _headers() -> dict[str, Any]:
    return {
        "Model-Version": {"description": "Version of the loaded model.", "schema": {"type": "string"}},
        "Server-Timing": {"description": "Milliseconds by phase (W3C Server Timing).", "schema": {"type": "string"}},
        "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
    }


def _header_refs(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _ref(schema: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=schema)}
