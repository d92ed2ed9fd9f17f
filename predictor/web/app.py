"""The function `predict`: HTTP requests to predictions. Only translates; the service decides."""

import time
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request

from predictor.answers import batch_json, detailed_json, plain_json
from predictor.artifacts import ModelCache
from predictor.decoding import decode, may_be_batch
from predictor.errors import InvalidInput, Violation
from predictor.models import LoadedModel
from predictor.penguin import Penguin
from predictor.service import predict, predict_batch, predict_class
from predictor.web.admission import LARGE_BODY_BYTES, Admission
from predictor.web.body import read_json_body
from predictor.web.cors import Cors
from predictor.web.endpoint import Endpoint
from predictor.web.model_info import model_info
from predictor.web.probes import Probes
from predictor.web.problems import PROBLEM_TYPES
from predictor.web.responses import JSON, BytesResponse, json_response
from predictor.web.threads import BLOCKING_BODY_BYTES, VALID_BATCH_BODY_BYTES, run_maybe_in_thread
from predictor.web.timing import FirstAnswer


def web_app(
    models: ModelCache[LoadedModel],
    *,
    max_body_bytes: int,
    max_instances: int,
    admission: Admission,
    cors_origins: tuple[str, ...] = (),
    log_requests: bool = False,
    import_ms: float = 0.0,
) -> Endpoint:
    """Everything that `predict` answers. `import_ms` is what the process needed until it could take a request."""
    first_answer = FirstAnswer(import_ms)
    routes = Probes(models, first_answer).routes()
    handlers = _Handlers(models, first_answer, admission, max_body_bytes, max_instances)
    routes["/"]["POST"] = handlers.predict
    routes |= {
        "/predict": {"POST": handlers.predict},
        "/model": {"GET": handlers.model},
        "/openapi.json": {"GET": handlers.openapi},
        "/docs": {"GET": handlers.docs},
        "/docs/*": {"GET": handlers.docs},
    }
    cors = Cors(cors_origins) if cors_origins else None
    not_found = PROBLEM_TYPES[HTTPStatus.NOT_FOUND].meaning
    return Endpoint(routes, models, not_found=not_found, admission=admission, cors=cors, log_requests=log_requests)


class _Handlers:
    def __init__(
        self,
        models: ModelCache[LoadedModel],
        first_answer: FirstAnswer,
        admission: Admission,
        max_body_bytes: int,
        max_instances: int,
    ) -> None:
        self._models = models
        self._first_answer = first_answer
        self._admission = admission
        self._max_body_bytes = max_body_bytes
        self._max_instances = max_instances

    async def model(self, _request: Request) -> BytesResponse:
        return json_response(model_info(await self._models.get()))

    async def openapi(self, _request: Request) -> BytesResponse:
        from predictor.web.openapi import openapi_json  # Costs milliseconds that only this path needs.

        return BytesResponse(openapi_json(), JSON)

    async def docs(self, request: Request) -> BytesResponse:
        from predictor.web.docs import docs_response

        return docs_response(request.scope["path"])

    async def predict(self, request: Request) -> BytesResponse:
        details = _details(request.scope["query_string"])
        body = await read_json_body(request, self._max_body_bytes, self._admission)
        model = self._models.current or await self._models.get()
        started = time.perf_counter()
        if len(body) > LARGE_BODY_BYTES:
            async with self._admission.turn():
                answer = await self._answer(model, body, details)
        else:
            answer = await self._answer(model, body, details)
        response = BytesResponse(answer, JSON)
        response.server_timing = self._first_answer.prediction(model, (time.perf_counter() - started) * 1000)
        return response

    async def _answer(self, model: LoadedModel, body: bytes, details: bool) -> bytes:
        blocking = model.engine.blocking
        if may_be_batch(body):
            in_thread = blocking or len(body) > VALID_BATCH_BODY_BYTES
            if (answer := await run_maybe_in_thread(in_thread, self._answer_valid_batch, model, body)) is not None:
                return answer
        in_thread = blocking or len(body) > BLOCKING_BODY_BYTES
        return await run_maybe_in_thread(in_thread, self._answer_any, model, body, details)

    def _answer_valid_batch(self, model: LoadedModel, body: bytes) -> bytes | None:
        """The fast path of a batch; None for a body that it does not accept."""
        from predictor.batch_decoding import decode_valid_batch  # With numpy, which single birds do not need.

        batch = decode_valid_batch(body, self._max_instances)
        return None if batch is None else batch_json(predict_batch(model, batch))

    def _answer_any(self, model: LoadedModel, body: bytes, details: bool) -> bytes:
        """The answer to one penguin, or to a batch with invalid rows."""
        decoded = decode(body, max_instances=self._max_instances)
        if isinstance(decoded, Penguin):
            return detailed_json(predict(model, decoded)) if details else plain_json(predict_class(model, decoded))
        from predictor.batch import Batch

        return batch_json(predict_batch(model, Batch.of(decoded, decoded.ids)))


_PARAMETERS: Final = ("details",)


def _details(query: bytes) -> bool:
    """The value of `details` in a query string. Raises `InvalidInput` unless it is true or false, and nothing else."""
    if not query:
        return False
    parameters = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    violations = []
    if not parameters.keys() <= set(_PARAMETERS):
        known = ", ".join(_PARAMETERS)
        violations.append(Violation("", "unknown_field", f"No such query parameter; there is only {known}."))
    values = parameters.get("details", ["false"])
    if len(values) != 1 or values[0] not in ("true", "false"):
        violations.append(Violation("", "unknown_value", "The query parameter details must be true or false."))
    if violations:
        raise InvalidInput(violations)
    return values[0] == "true"
