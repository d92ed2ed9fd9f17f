"""The function `predict`: HTTP requests to predictions. Only translates; the service decides."""

import time
from contextlib import nullcontext
from functools import cache, cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
from starlette.requests import Request

from predictor.answers import batch_json, detailed_json, plain_json
from predictor.artifacts import ModelCache
from predictor.decoding import decode, may_be_batch
from predictor.errors import InvalidInput, ModelUnavailable
from predictor.models import LoadedModel
from predictor.penguin import Penguin
from predictor.prediction import ProtocolName
from predictor.schema import FEATURES
from predictor.service import (
    check_coverage,
    count_refused,
    explain,
    predict,
    predict_batch,
    predict_class,
    with_hints,
)
from predictor.web.admission import LARGE_BODY_BYTES, Admission
from predictor.web.body import read_json_body, refuse_other_than_json_or_rows, streamed_format
from predictor.web.cors import Cors
from predictor.web.endpoint import Endpoint, Handler
from predictor.web.limits import RequestLimits
from predictor.web.parameters import PLAIN, Parameters, read_parameters
from predictor.web.probes import Probes
from predictor.web.problems import PROBLEM_TYPES, HttpProblem
from predictor.web.responses import JSON, BytesResponse
from predictor.web.threads import BLOCKING_BODY_BYTES, VALID_BATCH_BODY_BYTES, run_maybe_in_thread
from predictor.web.timing import FirstAnswer

if TYPE_CHECKING:
    from predictor.web.page import FetchCard, Site
    from predictor.web.protocols import ProtocolRoutes
    from predictor.web.streams import Streams


def web_app(
    models: ModelCache[LoadedModel],
    *,
    limits: RequestLimits,
    admission: Admission,
    cors_origins: tuple[str, ...] = (),
    feedback: bool = False,
    protocols: tuple[ProtocolName, ...] = (),
    predict_route: str | None = None,
    health_route: str | None = None,
    log_requests: bool = False,
    import_ms: float = 0.0,
    fetch_card: "FetchCard | None" = None,
) -> Endpoint:
    """Everything that `predict` answers. `import_ms` is what the process needed until it could take a request.

    `protocols` are those of other services, of which `v1` also has `predict_route` and `health_route`.
    """
    first_answer = FirstAnswer(import_ms)
    routes = Probes(models, first_answer).routes()
    handlers = _Handlers(
        models,
        first_answer,
        limits=limits,
        admission=admission,
        feedback=feedback,
        fetch_card=fetch_card,
        greet=routes["/"]["GET"],
        protocols=protocols,
    )
    routes["/"] = {"GET": handlers.home, "POST": handlers.predict}
    routes |= {
        "/predict": {"POST": handlers.predict},
        "/model": {"GET": handlers.model},
        "/openapi.json": {"GET": handlers.openapi},
        "/docs": {"GET": handlers.docs},
        "/docs/*": {"GET": handlers.docs},
        "/card": {"GET": handlers.page},
        "/page": {"POST": handlers.page},
        "/page/*": {"GET": handlers.page},
    }
    if feedback:
        from predictor.web.feedback import Feedback

        routes["/feedback"] = {"POST": Feedback(models, limits.max_body_bytes)}

    @cache
    def other_routes() -> "ProtocolRoutes":
        from predictor.web.protocols import ProtocolRoutes, Scorer  # Nobody who posts to /predict needs them.

        scorer = Scorer(models, first_answer, limits, admission)
        return ProtocolRoutes(scorer, protocols, predict_route=predict_route, health_route=health_route)

    return Endpoint(
        routes,
        models,
        not_found=PROBLEM_TYPES[HTTPStatus.NOT_FOUND].meaning,
        admission=admission,
        others=lambda path: other_routes().find(path),
        cors=Cors(cors_origins) if cors_origins else None,
        log_requests=log_requests,
    )


class _Handlers:
    def __init__(
        self,
        models: ModelCache[LoadedModel],
        first_answer: FirstAnswer,
        *,
        limits: RequestLimits,
        admission: Admission,
        feedback: bool,
        fetch_card: "FetchCard | None",
        greet: Handler,
        protocols: tuple[ProtocolName, ...],
    ) -> None:
        self._models = models
        self._first_answer = first_answer
        self._limits = limits
        self._admission = admission
        self._streams: Streams | None = None
        self._feedback = feedback
        self._fetch_card = fetch_card
        self._greet = greet
        self._protocols = protocols

    async def model(self, _request: Request) -> BytesResponse:
        from predictor.web.caching import cacheable
        from predictor.web.model_info import model_info  # Its pydantic models take milliseconds to make.

        return cacheable(orjson.dumps(model_info(await self._models.get())), JSON)

    async def openapi(self, _request: Request) -> BytesResponse:
        from predictor.web.caching import cacheable
        from predictor.web.openapi import openapi_json  # Costs milliseconds that only this path needs.

        try:
            features = (await self._models.get()).schema.features
        except ModelUnavailable:  # The page is for people who look into that, too.
            features = FEATURES
        return cacheable(openapi_json(features, feedback=self._feedback, protocols=self._protocols), JSON)

    async def docs(self, request: Request) -> BytesResponse:
        from predictor.web.docs import docs_response

        return docs_response(request.scope["path"])

    async def home(self, request: Request) -> BytesResponse:
        """A page for browsers, the greeting for programs, which import nothing of the page."""
        headers = request.scope["headers"]
        if any(name == b"accept" and b"text/html" in value for name, value in headers):
            from predictor.web.page import prefers_html

            if prefers_html(headers):
                return await self._site(request)
        return await self._greet(request)

    async def page(self, request: Request) -> BytesResponse:
        return await self._site(request)

    @cached_property
    def _site(self) -> "Site":
        from predictor.web.page import Site

        return Site(self._models, self._fetch_card, max_rows=self._limits.max_instances)

    async def predict(self, request: Request) -> BytesResponse:
        query = request.scope["query_string"]
        parameters = read_parameters(query) if query else PLAIN
        try:
            body = await read_json_body(
                request, self._limits.max_body_bytes, self._admission, refuse_other_than_json_or_rows
            )
        except HttpProblem as error:
            if error.status is not HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
                raise
            return await self._stream(request, parameters, error)
        model = self._models.current or await self._models.get()
        if parameters.coverage is not None:
            check_coverage(model, parameters.coverage)
        started = time.perf_counter()
        if len(body) <= LARGE_BODY_BYTES and not model.engine.blocking and not parameters.explain:
            answer = self._answer_here(model, body, parameters)
        else:
            answer = await self._answer(model, body, parameters)
        response = BytesResponse(answer, JSON)
        response.server_timing = self._first_answer.prediction(model, (time.perf_counter() - started) * 1000)
        return response

    async def _stream(self, request: Request, parameters: Parameters, refusal: HttpProblem) -> BytesResponse:
        """The answer to a body that is no JSON, but may be a stream."""
        file_format = streamed_format(request)
        if file_format is None:
            raise refusal
        from predictor.web.streams import Streams  # With numpy, which single birds do not need.

        if self._streams is None:
            self._streams = Streams(self._models, self._first_answer, self._admission, self._limits.max_stream_bytes)
        return await self._streams.answer(request, file_format, parameters)

    def _answer_here(self, model: LoadedModel, body: bytes, parameters: Parameters) -> bytes:
        """The answer to a small body, which needs neither a thread nor a turn."""
        answer = self._answer_valid_batch(model, body, parameters) if may_be_batch(body) else None
        return self._answer_any(model, body, parameters) if answer is None else answer

    async def _answer(self, model: LoadedModel, body: bytes, parameters: Parameters) -> bytes:
        """The answer to any body, made where it keeps nobody waiting."""
        async with self._admission.turn() if len(body) > LARGE_BODY_BYTES else nullcontext():
            blocking = model.engine.blocking or parameters.explain
            if may_be_batch(body) and not parameters.explain:
                in_thread = blocking or len(body) > VALID_BATCH_BODY_BYTES
                answer = await run_maybe_in_thread(in_thread, self._answer_valid_batch, model, body, parameters)
                if answer is not None:
                    return answer
            in_thread = blocking or len(body) > BLOCKING_BODY_BYTES
            return await run_maybe_in_thread(in_thread, self._answer_any, model, body, parameters)

    def _answer_valid_batch(self, model: LoadedModel, body: bytes, parameters: Parameters) -> bytes | None:
        """The fast path of a batch; None for a body that it does not accept."""
        from predictor.batch_decoding import decode_valid_batch  # With numpy, which single birds do not need.

        batch = decode_valid_batch(body, self._limits.max_instances, model.schema)
        return None if batch is None else batch_json(predict_batch(model, batch, parameters.coverage))

    def _answer_any(self, model: LoadedModel, body: bytes, parameters: Parameters) -> bytes:
        """The answer to one penguin, or to a batch with invalid rows or with explanations."""
        try:
            decoded = decode(body, model.schema, max_instances=self._limits.max_instances)
        except InvalidInput as error:
            count_refused(model, error)
            raise with_hints(model, error) from None
        if isinstance(decoded, Penguin):
            if not parameters.details:
                return plain_json(predict_class(model, decoded))
            answer = predict(model, decoded, parameters.coverage)
            explanation = explain(model, decoded, answer.prediction) if parameters.explain else None
            return detailed_json(answer, explanation)
        from predictor.batch import Batch

        answers = predict_batch(model, Batch.of(decoded, decoded.ids), parameters.coverage)
        if not parameters.explain:
            return batch_json(answers)
        from predictor.web.explained import explained_json

        return explained_json(model, decoded, answers, most=self._limits.max_explanations, where="/instances")
