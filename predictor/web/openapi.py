"""The OpenAPI 3.1 document, built from the pydantic models that do the work."""

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from predictor import __version__
from predictor.answer_schemas import (
    AnsweringModel,
    Batch,
    DetailedPrediction,
    PlainPrediction,
    PredictionsAnswer,
    Problem,
)
from predictor.decoding import decode
from predictor.errors import InvalidInput, PredictorError
from predictor.penguin import DESCRIPTION, EXAMPLES, LABEL, NOUN, NOUN_PLURAL, SPECIES, Penguin
from predictor.prediction import ProtocolName
from predictor.record_schema import RecordSchema
from predictor.schema import FEATURES
from predictor.web.model_info import ModelInfo, OpenEngineName
from predictor.web.probes import GREETING
from predictor.web.problems import PROBLEM_TYPES, HttpProblem, problem_response
from predictor.web.protocols.openapi import protocol_paths, protocol_tags
from predictor.web.request_schemas import FEEDBACK_ANSWER, FEEDBACK_PROBLEMS, describe_record, feedback_body

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
# In words only: with a second media type, generated clients would lose the types of all answers.
_STREAMS: Final = (
    "A body of `text/csv` or `application/x-ndjson`, of any length, is answered as `application/x-ndjson`: one line per"
    " row, while it is being sent."
)
_REF: Final = "#/components/schemas/{model}"
_TOKEN: Final = "identityToken"  # noqa: S105  The name of the scheme.


class Welcome(BaseModel):
    """The service's greeting."""

    message: Annotated[str, Field(json_schema_extra={"const": GREETING})]


class Health(BaseModel):
    """The process can serve."""

    status: Literal["ok"]


class ReadyModel(AnsweringModel):
    """The loaded model."""

    engine: OpenEngineName


class Ready(BaseModel):
    """A model is loaded."""

    status: Literal["ready"]
    model: ReadyModel


_SCHEMAS: Final[tuple[type[BaseModel], ...]] = (
    Penguin,
    Batch,
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
    features: Sequence[str] = FEATURES, *, feedback: bool = False, protocols: tuple[ProtocolName, ...] = ()
) -> dict[str, Any]:
    """The document. Every status that a path can answer is listed.

    `features`: what a record must hold. `feedback`: whether there is `POST /feedback`. `protocols`: of other services.
    """
    _, definitions = models_json_schema([(model, "validation") for model in _SCHEMAS], ref_template=_REF)
    describe_record(definitions["$defs"][Penguin.__name__], features)
    summary = f"Predict the class of one {NOUN}, or of several {NOUN_PLURAL}."
    predict = _predict_operation("predict", summary, features)
    at_root = _predict_operation("predictAtRoot", "The same as POST /predict, for `gcloud functions call`.", features)
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
        # Either: a function for everyone needs none, and Cloud Run asks for one before a private function is reached.
        "security": [{}, {_TOKEN: []}],
        "tags": [
            {"name": "predict", "description": "Which class is it?"},
            {"name": "service", "description": "Can it serve, and which model does it use?"},
            *protocol_tags(protocols),
        ],
        "paths": {
            "/predict": {"post": predict},
            **({"/feedback": {"post": _feedback_operation()}} if feedback else {}),
            "/": {
                "get": _operation("home", "Greeting.", {"200": _answer("The service is there.", "Welcome")}),
                "post": at_root,
            },
            "/health": {
                "get": _operation("health", "Can this process serve?", {"200": _answer("It can.", "Health")}, "503")
            },
            "/ready": {
                "get": _operation(
                    "ready", "Is a model loaded? Loads it if need be.", {"200": _answer("It is.", "Ready")}, "503"
                )
            },
            "/model": {
                "get": _operation(
                    "model",
                    "The model in use.",
                    {
                        "200": _answer("Its manifest.", "ModelInfo"),
                        "304": {"description": "The caller has it already."},
                    },
                    "503",
                )
            },
            **protocol_paths(protocols),
        },
        "components": {
            "schemas": definitions["$defs"],
            "headers": _headers(),
            "securitySchemes": {
                _TOKEN: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "If the function is private: an identity token of an account that may invoke it, "
                    "such as `gcloud auth print-identity-token` prints.",
                }
            },
        },
    }


def _predict_operation(operation_id: str, summary: str, features: Sequence[str]) -> dict[str, Any]:
    ok = {
        "description": "The predicted class; with `details=true` or `instances`, with its details.",
        "headers": _header_refs("Model-Version", "Server-Timing", "X-Request-Id"),
        "content": {
            _JSON: {
                # Generated clients try them in this order.
                "schema": {
                    "oneOf": [_ref("DetailedPrediction"), _ref("PredictionsAnswer"), _ref("PlainPrediction")],
                },
                "examples": {"plain": {"value": {"prediction": SPECIES[0]}}},
            }
        },
    }
    operation = _operation(operation_id, summary, {"200": ok}, "400", "408", "413", "415", "422", "503")
    operation["responses"]["422"] = _problem("422", _refusal(features))
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
                "schema": {"oneOf": [_ref(Penguin.__name__), _ref("Batch")]},
                "examples": {
                    f"one {NOUN}": {"value": EXAMPLES[0]},
                    "several": {"value": {"instances": list(EXAMPLES)}},
                },
            }
        },
    }
    operation["description"] = _STREAMS
    return operation


def _feedback_operation() -> dict[str, Any]:
    operation = _operation("predictFeedback", f"Tell the {LABEL} that a {NOUN} has.", {}, *FEEDBACK_PROBLEMS)
    headers = _header_refs("Model-Version", "Server-Timing", "X-Request-Id")
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
        "headers": _header_refs("Model-Version", "Server-Timing", "X-Request-Id"),
        "content": {_JSON: {"schema": _ref(schema)}},
    }


def _problem(status: str, example_error: PredictorError | None = None) -> dict[str, Any]:
    problem_type = PROBLEM_TYPES[HTTPStatus(int(status))]
    headers = ["Server-Timing", "X-Request-Id", *(["Retry-After"] if status == "503" else [])]
    error = example_error or HttpProblem(HTTPStatus(int(status)), problem_type.meaning)
    example = orjson.loads(problem_response(error, b"4bf92f3577b34da6").body)
    return {
        "description": problem_type.meaning,
        "headers": _header_refs(*headers),
        "content": {_PROBLEM: {"schema": _ref("Problem"), "example": example}},
    }


def _refusal(features: Sequence[str]) -> InvalidInput:
    """Of a row with a wrong first feature and without its last one."""
    try:
        decode(orjson.dumps({features[0]: None}), RecordSchema([features[0], features[-1]]), max_instances=1)
    except InvalidInput as error:
        return error
    raise AssertionError


def _headers() -> dict[str, Any]:
    return {
        "Model-Version": {"description": "Version of the loaded model.", "schema": {"type": "string"}},
        "Server-Timing": {"description": "Milliseconds by phase (W3C Server Timing).", "schema": {"type": "string"}},
        "X-Request-Id": {
            "description": "The request's own, or one that was made; log lines and `instance` name it.",
            "schema": {"type": "string"},
        },
        "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}},
    }


def _header_refs(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _ref(schema: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=schema)}
