"""The paths of the protocols, for the OpenAPI document."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from predictor.penguin import EXAMPLES, NOUN, Penguin
from predictor.prediction import ProtocolName
from predictor.schema import FEATURES, MEASUREMENTS

Schema = Mapping[str, Any]

_JSON: Final = "application/json"
_BINARY: Final = "application/octet-stream"
_TAGS: Final[dict[ProtocolName, str]] = {
    "v1": "KServe V1, Vertex AI",
    "v2": "Open Inference Protocol V2",
    "mlflow": "MLflow, SageMaker",
    "bigquery": "BigQuery remote function",
}
_OF_BODIES: Final = ("400", "408", "413", "415", "422", "503")


def protocol_tags(names: Sequence[ProtocolName]) -> list[dict[str, str]]:
    return [{"name": _TAGS[name], "description": "The same model for other clients."} for name in names]


def protocol_paths(names: Sequence[ProtocolName]) -> dict[str, Any]:
    """Every path of the protocols that Vertex AI has not chosen itself, with its operations."""
    makers = {"v1": _v1, "v2": _v2, "mlflow": _mlflow, "bigquery": _bigquery}
    paths: dict[str, Any] = {}
    for name in names:
        paths |= makers[name]()
    return paths


def _object(required: Schema, optional: Schema | None = None, **more: Any) -> dict[str, Any]:
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required), **more}


def _array(items: Schema, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_STRING: Final = {"type": "string"}
_TRUE: Final = {"const": True}
_FLAG: Final = {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}]}
_PARAMETERS: Final = _object(
    {},
    {"details": _FLAG, "explain": _FLAG, "coverage": {"type": ["number", "string"]}},
    additionalProperties=False,
    description="As the query parameters of POST /predict; details unless they are declined.",
)
_EXAMPLE: Final = EXAMPLES[0]
_ROW: Final = {"$ref": f"#/components/schemas/{Penguin.__name__}"}
_CELLS: Final = _array({"type": ["number", "string", "null"]}, description=f"In this order: {', '.join(FEATURES)}.")
_ANSWERS: Final = _array(
    {
        "anyOf": [
            {"$ref": "#/components/schemas/DetailedPrediction"},
            {"$ref": "#/components/schemas/InstanceError"},
            {"type": "string", "description": "The class alone, without details."},
            {"type": "null"},
        ]
    }
)


def _operation(
    name: ProtocolName,
    operation_id: str,
    summary: str,
    answer: Schema,
    *,
    problems: Sequence[str] = (),
    body: Schema | None = None,
    media: str = _JSON,
) -> dict[str, Any]:
    headers = _header_refs("Model-Version", "Server-Timing", "X-Request-Id")
    good = {"description": "As the protocol has it.", "headers": headers, "content": {media: {"schema": answer}}}
    operation = {
        "operationId": operation_id,
        "tags": [_TAGS[name]],
        "summary": summary,
        "responses": {"200": good, **{status: _problem(name, status) for status in (*problems, "500")}},
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _problem(name: ProtocolName, status: str) -> dict[str, Any]:
    members = {"mlflow": ("error_code", "message"), "bigquery": ("errorMessage",)}.get(name, ("error",))
    own = _object(dict.fromkeys(members, _STRING))
    schema = {"allOf": [own, {"$ref": "#/components/schemas/Problem"}]}
    return {
        "description": "In the protocol's shape, with the members of a problem document.",
        "headers": _header_refs("Server-Timing", "X-Request-Id", *(["Retry-After"] if status == "503" else [])),
        "content": {_JSON: {"schema": schema}},
    }


def _header_refs(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _v1() -> dict[str, Any]:
    body = _object(
        {"instances": _array({"anyOf": [_ROW, _CELLS]})}, {"parameters": _PARAMETERS}, additionalProperties=False
    )
    state = _object({"name": {"const": NOUN}, "ready": _TRUE})
    return {
        "/v1/models": {"get": _operation("v1", "v1Models", "The models.", _object({"models": _array(_STRING)}))},
        f"/v1/models/{NOUN}": {
            "get": _operation("v1", "v1Ready", "Is the model loaded? Loads it if need be.", state, problems=["503"])
        },
        f"/v1/models/{NOUN}:predict": {
            "post": _operation(
                "v1",
                "v1Predict",
                "Predict several rows.",
                _object({"predictions": _ANSWERS}),
                problems=_OF_BODIES,
                body={_JSON: {"schema": body, "example": {"instances": [_EXAMPLE, list(_EXAMPLE.values())]}}},
            )
        },
    }


def _v2() -> dict[str, Any]:
    shape = _array({"type": "integer", "minimum": 0}, maxItems=2)
    parameters = {"type": "object"}
    tensor = _object(
        {"name": {"enum": [*FEATURES, "features"]}, "datatype": _STRING, "shape": shape},
        {"data": _array({}), "parameters": parameters},
    )
    wanted = _object({"name": _STRING}, {"parameters": parameters})
    body = _object({"inputs": _array(tensor)}, {"id": _STRING, "parameters": parameters, "outputs": _array(wanted)})
    output = _object(
        {"name": _STRING, "datatype": _STRING, "shape": shape}, {"data": _array({}), "parameters": parameters}
    )
    answer = _object(
        {"model_name": {"const": NOUN}, "model_version": _STRING, "outputs": _array(output)},
        {"id": _STRING, "parameters": parameters},
    )
    described = _array(_object({"name": _STRING, "datatype": _STRING, "shape": _array({"type": "integer"})}))
    metadata = _object(
        {"name": _STRING, "versions": _array(_STRING), "platform": _STRING, "inputs": described, "outputs": described}
    )
    example = {
        "inputs": [
            {"name": name, "datatype": "FP64" if name in MEASUREMENTS else "BYTES", "shape": [1], "data": [value]}
            for name, value in _EXAMPLE.items()
        ]
    }
    bodies = {_JSON: {"schema": body, "example": example}, _BINARY: {}}
    server = _object({"name": _STRING, "version": _STRING, "extensions": _array(_STRING)})
    ready = _object({"ready": _TRUE})
    paths: dict[str, Any] = {
        "/v2": {"get": _operation("v2", "v2Server", "The server and its extensions.", server)},
        "/v2/health/live": {"get": _operation("v2", "v2Live", "Is the process there?", _object({"live": _TRUE}))},
        "/v2/health/ready": {"get": _operation("v2", "v2Ready", "Is a model loaded?", ready, problems=["503"])},
    }
    for path, suffix, more in (("", "", ()), ("/versions/{version}", "OfVersion", ("404",))):
        model = f"/v2/models/{NOUN}{path}"
        infer = _operation(
            "v2", f"v2Infer{suffix}", "Predict several rows.", answer, problems=(*more, *_OF_BODIES), body=bodies
        )
        infer["responses"]["200"]["content"][_BINARY] = {}
        found = (*more, "503")
        paths |= {
            model: {"get": _operation("v2", f"v2Metadata{suffix}", "Inputs and outputs.", metadata, problems=found)},
            f"{model}/ready": {
                "get": _operation("v2", f"v2ModelReady{suffix}", "Is it loaded?", ready, problems=found)
            },
            f"{model}/infer": {"post": infer},
        }
        if path:
            version = {"name": "version", "in": "path", "required": True, "schema": _STRING}
            for below in ("", "/ready", "/infer"):
                paths[model + below]["parameters"] = [version]
    return paths


def _mlflow() -> dict[str, Any]:
    rows = _array({"anyOf": [_ROW, _CELLS]})
    frame = _object({"columns": _array(_STRING), "data": _array(_CELLS)})
    kinds: dict[str, Schema] = {
        "dataframe_split": frame,
        "dataframe_records": rows,
        "instances": rows,
        "inputs": {"anyOf": [rows, {"type": "object", "additionalProperties": _array({})}]},
    }
    body = {
        "anyOf": [
            _object({name: kind}, {"params": _PARAMETERS}, additionalProperties=False) for name, kind in kinds.items()
        ]
    }
    example = {"dataframe_split": {"columns": list(_EXAMPLE), "data": [list(_EXAMPLE.values())]}}
    return {
        "/invocations": {
            "post": _operation(
                "mlflow",
                "mlflowInvocations",
                "Predict several rows.",
                _object({"predictions": _ANSWERS}),
                problems=_OF_BODIES,
                body={_JSON: {"schema": body, "example": example}, "text/csv": {"schema": _STRING}},
            )
        },
        "/ping": {
            "get": _operation(
                "mlflow", "mlflowPing", "Is a model loaded?", _object({"status": {"const": "ready"}}), problems=["503"]
            )
        },
        "/version": {"get": _operation("mlflow", "mlflowVersion", "This program's.", _STRING, media="text/plain")},
    }


def _bigquery() -> dict[str, Any]:
    body = _object({"calls": _array(_CELLS)}, {"userDefinedContext": _PARAMETERS})
    return {
        "/bigquery": {
            "post": _operation(
                "bigquery",
                "bigqueryCall",
                "One reply per call.",
                _object({"replies": _ANSWERS}),
                problems=_OF_BODIES,
                body={_JSON: {"schema": body, "example": {"calls": [list(_EXAMPLE.values())]}}},
            )
        }
    }
