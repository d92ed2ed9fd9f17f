"""The protocol of MLflow's scoring server, whose paths SageMaker asks for too."""

import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from starlette.requests import Request

from predictor import __version__
from predictor.answers import json_lines
from predictor.decoding import too_many
from predictor.errors import InvalidInput, UnusableFile, Violation
from predictor.models import LoadedModel
from predictor.service import predict_batch
from predictor.web.body import NOT_UTF_8, UTF_8, media_type_of, refuse_other_than_json
from predictor.web.endpoint import Handler, OtherRoute
from predictor.web.parameters import parameters_in
from predictor.web.protocols.errors import error_responses
from predictor.web.protocols.scorer import Scorer, array_in, in_feature_order, named, parse_object
from predictor.web.responses import JSON, BytesResponse

CSV: Final = b"text/csv"
_ERROR_CODES: Final[Mapping[int, str]] = {
    400: "MALFORMED_REQUEST",
    404: "ENDPOINT_NOT_FOUND",
    422: "INVALID_PARAMETER_VALUE",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}


def _error_code(sentence: str, status: int) -> dict[str, str]:
    return {"error_code": _ERROR_CODES.get(status, "BAD_REQUEST"), "message": sentence}


_error_response: Final = error_responses(_error_code)


class MLflow:
    """Its handlers."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def routes(self) -> list[OtherRoute]:
        paths: dict[str, dict[str, Handler]] = {
            "/invocations": {"POST": self.invocations},
            "/ping": {"GET": self.ping},
            "/version": {"GET": self.version},
        }
        return [OtherRoute(path, methods, _error_response) for path, methods in paths.items()]

    async def ping(self, _request: Request) -> BytesResponse:
        return await self._scorer.ready()

    async def version(self, _request: Request) -> BytesResponse:
        return BytesResponse(__version__.encode(), b"text/plain; charset=utf-8")

    async def invocations(self, request: Request) -> BytesResponse:
        media_types = [value for name, value in request.scope["headers"] if name == b"content-type"]
        as_csv = bool(media_types) and media_type_of(media_types[-1])[0] == CSV
        return await self._scorer.answer(request, self._csv if as_csv else self._json, _refusal)

    def _json(self, model: LoadedModel, body: bytes) -> BytesResponse:
        document = parse_object(body)
        parameters = parameters_in(document.pop("params", None), "/params")
        if len(document) != 1 or not document.keys() <= _ROWS.keys():
            message = f"There must be exactly one of {', '.join(_ROWS)}, and params beside it."
            raise InvalidInput([Violation("", "missing", message)])
        (member,) = document
        rows = _ROWS[member](document, model)
        return self._scorer.rows(model, rows, parameters, where=f"/{member}", body_bytes=len(body))

    def _csv(self, model: LoadedModel, body: bytes) -> BytesResponse:
        from predictor.bulk import Blocks, Table  # With numpy, which single birds do not need.

        rows, lines = 0, []
        try:
            table = Table(Blocks(io.BytesIO(body)), model.schema)
            if not table.header:
                raise UnusableFile("bad_header", "there is no header")
            for chunk in table:
                rows += len(chunk.batch)
                if rows > self._scorer.limits.max_instances:
                    raise InvalidInput([too_many("", self._scorer.limits.max_instances)])
                lines.append(json_lines(predict_batch(model, chunk.batch), None))
        except UnusableFile as error:
            raise InvalidInput([Violation("", "wrong_type", f"This is no such table: {error}.")]) from error
        # A line feed in a text is escaped, so each of these ends a row.
        answers = b"".join(lines).removesuffix(b"\n").replace(b"\n", b",")
        return BytesResponse(b'{"predictions":[%b]}' % answers, JSON)


def _refusal(content_type: bytes) -> str | None:
    media_type, charset = media_type_of(content_type)
    if media_type != CSV:
        return refuse_other_than_json(content_type)
    return None if charset in UTF_8 else NOT_UTF_8


def _split(document: dict[str, Any], _model: LoadedModel) -> list[Any]:
    """The rows of a data frame as pandas' `orient="split"` has them."""
    frame = document["dataframe_split"]
    if not isinstance(frame, dict):
        raise InvalidInput([Violation("/dataframe_split", "wrong_type", "Must be an object with columns and data.")])
    names, rows = array_in(frame, "columns"), array_in(frame, "data")
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        message = "Must be different strings."
        raise InvalidInput([Violation("/dataframe_split/columns", "wrong_type", message)])
    return [named(row, names) for row in rows]


def _inputs(document: dict[str, Any], model: LoadedModel) -> list[Any]:
    """Rows, or one array per column."""
    columns = document["inputs"]
    if not isinstance(columns, dict):
        return _array("inputs", document, model)
    arrays = [values if isinstance(values, list) else [values] for values in columns.values()]
    if len({len(values) for values in arrays}) > 1:
        raise InvalidInput([Violation("/inputs", "wrong_type", "Its arrays must have the same length.")])
    return [dict(zip(columns, row, strict=True)) for row in zip(*arrays, strict=True)]


def _array(member: str, document: dict[str, Any], model: LoadedModel) -> list[Any]:
    return [in_feature_order(row, model) for row in array_in(document, member)]


_ROWS: Final[Mapping[str, Callable[[dict[str, Any], LoadedModel], list[Any]]]] = {
    "dataframe_split": _split,
    "dataframe_records": partial(_array, "dataframe_records"),
    "instances": partial(_array, "instances"),
    "inputs": _inputs,
}
