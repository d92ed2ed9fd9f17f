"""The Open Inference Protocol, KServe's second one, with the binary extension that Triton's clients use."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.requests import Request

from predictor import __version__
from predictor.errors import InvalidInput, MalformedJson, Violation
from predictor.models import LoadedModel
from predictor.penguin import NOUN
from predictor.prediction import BatchPrediction
from predictor.schema import MEASUREMENTS
from predictor.service import predict_batch
from predictor.web.body import media_type_of, refuse_other_than_json
from predictor.web.endpoint import Handler, OtherRoute
from predictor.web.problems import HttpProblem
from predictor.web.protocols.errors import with_error
from predictor.web.protocols.scorer import Scorer, array_in, parse_object
from predictor.web.responses import JSON, BytesResponse, json_response

_MODEL: Final = f"/v2/models/{NOUN}"
_VERSION: Final = "/versions/{version}"
_HEADER_LENGTH: Final = b"inference-header-content-length"
_BINARY: Final = b"application/octet-stream"
_NOT_SUPPORTED: Final = ("classification", "shared_memory_region")


def _refusal(content_type: bytes) -> str | None:
    """Triton's client declares nothing, KServe's declares binary data."""
    return None if media_type_of(content_type)[0] in (b"", _BINARY) else refuse_other_than_json(content_type)


class V2:
    """Its handlers."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def routes(self) -> list[OtherRoute]:
        paths: dict[str, dict[str, Handler]] = {
            "/v2": {"GET": self.server},
            "/v2/health/live": {"GET": self.live},
            "/v2/health/ready": {"GET": self.ready},
        }
        for model in (_MODEL, _MODEL + _VERSION):
            paths[model] = {"GET": self.metadata}
            paths[f"{model}/ready"] = {"GET": self.model_ready}
            paths[f"{model}/infer"] = {"POST": self.infer}
        return [OtherRoute(path, methods, with_error) for path, methods in paths.items()]

    async def server(self, _request: Request) -> BytesResponse:
        return json_response(
            {"name": f"{NOUN}-predictor", "version": __version__, "extensions": ["binary_tensor_data"]}
        )

    async def live(self, _request: Request) -> BytesResponse:
        return json_response({"live": True})

    async def ready(self, _request: Request) -> BytesResponse:
        await self._scorer.model()
        return json_response({"ready": True})

    async def model_ready(self, request: Request) -> BytesResponse:
        await self._model(request)
        return json_response({"name": NOUN, "ready": True})

    async def metadata(self, request: Request) -> BytesResponse:
        model = await self._model(request)
        inputs = {name: ("FP64" if name in MEASUREMENTS else "BYTES", [-1]) for name in model.schema.features}
        return json_response(
            {
                "name": NOUN,
                "versions": [model.identity.version],
                "platform": model.engine.runtime,
                "inputs": _tensors(inputs),
                "outputs": _tensors(_outputs(model)),
            }
        )

    async def _model(self, request: Request) -> LoadedModel:
        """The model. Raises `HttpProblem` 404 where the path names another version."""
        model = await self._scorer.model()
        _, named, rest = request.scope["path"].partition("/versions/")
        if named and rest.partition("/")[0] != model.identity.version:
            raise HttpProblem(HTTPStatus.NOT_FOUND, f"There is only version {model.identity.version}.")
        return model

    async def infer(self, request: Request) -> BytesResponse:
        await self._model(request)
        length = next((value for name, value in request.scope["headers"] if name == _HEADER_LENGTH), None)
        most = self._scorer.limits.max_instances
        work = partial(infer, header_length=length, max_instances=most)
        return await self._scorer.answer(request, work, _refusal)


def infer(model: LoadedModel, body: bytes, header_length: bytes | None, max_instances: int) -> BytesResponse:
    """The answer to a body, whose first `header_length` bytes are JSON, or else all. Raises as `decode` does."""
    from predictor.web.protocols.tensors import read_tensors  # With numpy, which single birds do not need.
    from predictor.web.protocols.v2_columns import batch_of, check_rows

    header = body
    if header_length is not None:
        if not header_length.isdigit() or len(header_length) > 12 or int(header_length) > len(body):
            raise MalformedJson("Inference-Header-Content-Length is not the length of a part of the body")
        header = body[: int(header_length)]
    document = parse_object(header)
    tensors = read_tensors(array_in(document, "inputs"), body[len(header) :])
    batch = batch_of(tensors, model.schema, max_instances)
    binary = _wanted(document, model)
    predictions = predict_batch(model, batch)
    check_rows(tensors, model.schema, predictions.errors)
    return _answer(model, document.get("id"), binary, predictions)


def _outputs(model: LoadedModel) -> dict[str, tuple[str, list[int]]]:
    """The data type and the shape of each output."""
    outputs = {
        "prediction": ("BYTES", [-1]),
        "probability": ("FP64", [-1]),
        "probabilities": ("FP64", [-1, len(model.manifest.classes)]),
    }
    if model.reference is not None:
        outputs |= {"in_distribution": ("BOOL", [-1]), "p_value": ("FP64", [-1]), "abstain": ("BOOL", [-1])}
    return outputs


def _tensors(tensors: Mapping[str, tuple[str, list[int]]]) -> list[dict[str, Any]]:
    return [{"name": name, "datatype": datatype, "shape": shape} for name, (datatype, shape) in tensors.items()]


def _wanted(document: dict[str, Any], model: LoadedModel) -> dict[str, bool]:
    """The outputs that a request asks for, or else all, and whether each is to be binary. Raises `InvalidInput`."""
    known = _outputs(model)
    binary = _flag(document.get("parameters"), "binary_data_output", "/parameters", default=False)
    if document.get("outputs") is None:
        return dict.fromkeys(known, binary)
    wanted: dict[str, bool] = {}
    for index, item in enumerate(array_in(document, "outputs")):
        where = f"/outputs/{index}"
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or name not in known:
            message = f"Must be an object whose name is one of {', '.join(known)}."
            raise InvalidInput([Violation(where, "unknown_value", message)])
        parameters = item.get("parameters")
        if isinstance(parameters, dict) and not parameters.keys().isdisjoint(_NOT_SUPPORTED):
            message = f"There is no {' and no '.join(_NOT_SUPPORTED)}."
            raise InvalidInput([Violation(f"{where}/parameters", "unknown_field", message)])
        wanted[name] = _flag(parameters, "binary_data", f"{where}/parameters", default=binary)
    return wanted


def _flag(parameters: Any, name: str, where: str, *, default: bool) -> bool:
    """A parameter. What else is among them is for servers that schedule and batch."""
    if parameters is None:
        return default
    value = parameters.get(name, default) if isinstance(parameters, dict) else None
    if not isinstance(value, bool):
        raise InvalidInput([Violation(where, "wrong_type", f"Must be an object in which {name} is true or false.")])
    return value


def _answer(
    model: LoadedModel, request_id: Any, binary: Mapping[str, bool], predictions: BatchPrediction
) -> BytesResponse:
    from predictor.web.protocols.tensors import binary_of
    from predictor.web.protocols.v2_columns import outputs_of

    datatypes = _outputs(model)
    outputs, parts = [], []
    for name, values in outputs_of(predictions).items():
        if name not in binary:
            continue
        shape = [len(values)] if isinstance(values, list) else list(values.shape)
        output: dict[str, Any] = {"name": name, "datatype": datatypes[name][0], "shape": shape}
        if binary[name]:
            parts.append(binary_of(values))
            output["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            output["data"] = values if isinstance(values, list) else values.reshape(-1)
        outputs.append(output)
    document: dict[str, Any] = {"model_name": NOUN, "model_version": model.identity.version}
    if isinstance(request_id, str):
        document["id"] = request_id
    document["parameters"] = {"classes": ",".join(model.manifest.classes), "model_digest": model.identity.digest}
    document["outputs"] = outputs
    header = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    if not parts:
        return BytesResponse(header, JSON)
    length = (_HEADER_LENGTH, b"%d" % len(header))
    return BytesResponse(b"".join((header, *parts)), _BINARY, headers=[length])
