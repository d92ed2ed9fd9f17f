"""What all protocols share: from a body to an answer, with the limits of `POST /predict`."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.requests import Request

from predictor.answers import batch_json, plain_batch_json
from predictor.artifacts import ModelCache
from predictor.decoding import parse, rows_of, too_many
from predictor.errors import InvalidInput, Violation
from predictor.models import LoadedModel
from predictor.schema import FEATURES
from predictor.service import check_coverage, predict_batch
from predictor.web.admission import LARGE_BODY_BYTES, Admission
from predictor.web.body import read_json_body, refuse_other_than_json
from predictor.web.explained import explained_json
from predictor.web.limits import RequestLimits
from predictor.web.parameters import Parameters
from predictor.web.responses import JSON, BytesResponse
from predictor.web.threads import BLOCKING_BODY_BYTES, run_maybe_in_thread
from predictor.web.timing import FirstAnswer

Work = Callable[[LoadedModel, bytes], BytesResponse]


class Scorer:
    """Reads, admits and scores the requests of every protocol."""

    def __init__(
        self,
        models: ModelCache[LoadedModel],
        first_answer: FirstAnswer,
        limits: RequestLimits,
        admission: Admission,
    ) -> None:
        self._models = models
        self._first_answer = first_answer
        self.limits: Final = limits
        self._admission = admission

    async def model(self) -> LoadedModel:
        return self._models.current or await self._models.get()

    async def ready(self) -> BytesResponse:
        """The answer of probes of readiness, which load the model if need be."""
        response = BytesResponse(b'{"status":"ready"}', JSON)
        response.server_timing = self._first_answer.phases(await self.model())
        return response

    async def answer(
        self, request: Request, work: Work, refusal: Callable[[bytes], str | None] = refuse_other_than_json
    ) -> BytesResponse:
        """What `work` answers to the body, on the event loop or in a thread. Raises as `read_json_body` does."""
        body = await read_json_body(request, self.limits.max_body_bytes, self._admission, refusal)
        model = await self.model()
        started = time.perf_counter()
        in_thread = model.engine.blocking or len(body) > BLOCKING_BODY_BYTES or b'"explain"' in body
        if len(body) > LARGE_BODY_BYTES:
            async with self._admission.turn():
                response = await run_maybe_in_thread(in_thread, work, model, body)
        else:
            response = await run_maybe_in_thread(in_thread, work, model, body)
        response.server_timing = self._first_answer.prediction(model, (time.perf_counter() - started) * 1000)
        return response

    def rows(
        self,
        model: LoadedModel,
        documents: list[Any],
        parameters: Parameters,
        *,
        where: str,
        body_bytes: int,
        member: str = "predictions",
        plain_errors: bool = True,
    ) -> BytesResponse:
        """`{member: [...]}` with one entry per document, as a batch of `POST /predict` has it.

        Without details the entry of a valid row is its class, and without `plain_errors` that of any other then null.
        Raises `InvalidInput`.
        """
        from predictor.batch import Batch  # With numpy, which single birds do not need.
        from predictor.batch_decoding import valid_batch

        if len(documents) > self.limits.max_instances:
            raise InvalidInput([too_many(where, self.limits.max_instances)])
        if parameters.coverage is not None:
            check_coverage(model, parameters.coverage)
        repeated = any(getattr(document, "repeated", ()) for document in documents)
        batch = None if not documents or repeated or parameters.explain else valid_batch(documents, model.schema)
        if batch is None:
            rows = rows_of(documents, model.schema, body_bytes)
            batch = Batch.of(rows, rows.ids)
        answers = predict_batch(model, batch, parameters.coverage)
        if parameters.explain:
            most = self.limits.max_explanations
            return BytesResponse(explained_json(model, rows, answers, most=most, where=where, member=member), JSON)
        if parameters.details:
            return BytesResponse(batch_json(answers, member), JSON)
        return BytesResponse(plain_batch_json(answers, member, errors=plain_errors), JSON)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, in which no key is repeated. Raises `MalformedJson` or `InvalidInput`."""
    document = parse(body)
    if not isinstance(document, dict):
        raise InvalidInput([Violation("", "wrong_type", "Must be a JSON object.")])
    if repeated := getattr(document, "repeated", ()):
        raise InvalidInput([Violation("", "duplicate_key", "No key may be given more than once.")], len(repeated))
    return document


def array_in(document: dict[str, Any], member: str) -> list[Any]:
    """An array of a document. Raises `InvalidInput`."""
    if member not in document:
        raise InvalidInput([Violation(f"/{member}", "missing", "Is required.")])
    value = document[member]
    if not isinstance(value, list):
        raise InvalidInput([Violation(f"/{member}", "wrong_type", "Must be an array.")])
    return value


def named(row: Any, names: Sequence[str]) -> Any:
    """A row that is an array as the object it stands for; cells beyond `names` are fields that do not exist."""
    if not isinstance(row, list):
        return row
    document = dict(zip(names, row, strict=False))
    document.update((str(index), cell) for index, cell in enumerate(row[len(names) :], start=len(names)))
    return document


def in_feature_order(row: Any, model: LoadedModel) -> Any:
    """As `named`, for an array of all features or of those that the model takes."""
    all_of_them = isinstance(row, list) and len(row) >= len(FEATURES)
    return named(row, FEATURES if all_of_them else model.schema.features)
