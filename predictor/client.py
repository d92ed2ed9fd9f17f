"""A typed client of `predict`, for programs that call a running function. It needs httpx: the extra `client`.

    from predictor.client import Client

    with Client("https://predict-abc-uc.a.run.app", identity_token=token) as client:
        species = client.predict(bird)
        answers = client.predict_batch(birds)

Each operation is a generator that says what to send and how long to wait; `Client` and `AsyncClient` only do that.
"""

import asyncio
import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import httpx
import orjson
from pydantic import ValidationError

from predictor import __version__
from predictor.answer_schemas import DetailedPrediction, InstanceError, PlainPrediction, PredictionsAnswer, Problem
from predictor.errors import FunctionUnreachable, RequestRefused, Violation
from predictor.penguin import Penguin

T = TypeVar("T")
Connections = TypeVar("Connections", httpx.Client, httpx.AsyncClient)

Row = Penguin | Mapping[str, Any]
IdentityToken = str | Callable[[], str] | None
"""A callable is asked before every request: a token is valid for an hour."""

TIMEOUT_S: Final = 30.0
"""Of one attempt; long enough for a cold start that loads a model."""
ATTEMPTS: Final = 4
ROWS_PER_REQUEST: Final = 1000
MAX_PAUSE_S: Final = 30.0
"""Between two attempts, however long the answer asks to wait."""
_RETRYABLE: Final = (429, 502, 503, 504)  # A prediction changes nothing, so it can be asked for again.


@dataclass(frozen=True, slots=True)
class _Call:
    """A request to POST /predict. Every attempt has the same id."""

    body: bytes
    parameters: dict[str, str]
    headers: dict[str, str]


_Answer = httpx.Response | httpx.TransportError
_Steps = Generator[_Call | float, Any, T]
"""Yields a call, for which an `_Answer` is sent in, or seconds to wait."""


class _Operations:
    """What both clients can do, without sending or waiting."""

    def __init__(self, url: str, identity_token: IdentityToken, attempts: int, rows_per_request: int) -> None:
        self.url = url.rstrip("/")
        self._token = identity_token
        self._attempts = attempts
        self._rows_per_request = rows_per_request

    def predict(self, row: Row) -> _Steps[str]:
        answer = yield from self._post(_document(row), {})
        return _parsed(PlainPrediction.model_validate_json, answer).prediction

    def predict_details(self, row: Row, coverage: float | None, explain: bool) -> _Steps[DetailedPrediction]:
        answer = yield from self._post(_document(row), {"details": "true", **_parameters(coverage, explain)})
        return _parsed(DetailedPrediction.model_validate_json, answer)

    def predict_batch(
        self, rows: Iterable[Row], coverage: float | None, explain: bool
    ) -> _Steps[list[DetailedPrediction | InstanceError]]:
        documents = [_document(row) for row in rows]
        answers: list[DetailedPrediction | InstanceError] = []
        size = self._rows_per_request
        while len(answers) < len(documents):
            part = documents[len(answers) : len(answers) + size]
            try:
                answer = yield from self._post({"instances": part}, _parameters(coverage, explain))
            except RequestRefused as error:
                if len(part) == 1 or not error.too_large:
                    raise
                size = len(part) // 2
                continue
            answers += _parsed(PredictionsAnswer.model_validate_json, answer).predictions
        return answers

    def _post(self, document: Mapping[str, Any], parameters: dict[str, str]) -> _Steps[httpx.Response]:
        headers = {"Content-Type": "application/json", "X-Request-Id": os.urandom(8).hex()}
        body = orjson.dumps(document)
        for attempt in range(1, self._attempts + 1):
            if token := self._token() if callable(self._token) else self._token:
                headers["Authorization"] = f"Bearer {token}"
            answer: _Answer = yield _Call(body, parameters, headers)
            if isinstance(answer, httpx.Response):
                if answer.status_code == 200:
                    return answer
                if answer.status_code not in _RETRYABLE or attempt == self._attempts:
                    raise _refused(answer, headers["X-Request-Id"])
            elif attempt == self._attempts:
                raise FunctionUnreachable(self.url, str(answer) or type(answer).__name__) from answer
            yield _pause_s(answer, attempt)
        raise AssertionError  # The last attempt returns or raises.


class _Caller(ABC, Generic[Connections]):
    def __init__(
        self,
        url: str,
        *,
        identity_token: IdentityToken = None,
        timeout_s: float = TIMEOUT_S,
        attempts: int = ATTEMPTS,
        rows_per_request: int = ROWS_PER_REQUEST,
    ) -> None:
        """`url` is that of the function, without a path. A batch is sent in requests of `rows_per_request` at most."""
        self._operations = _Operations(url, identity_token, attempts, rows_per_request)
        self._http: Connections = self._connect(timeout_s)

    @abstractmethod
    def _connect(self, timeout_s: float) -> Connections: ...


class Client(_Caller[httpx.Client]):
    """Calls a function, one request at a time. Safe to share between threads.

    All methods raise `RequestRefused` for an answer that is no prediction, and `FunctionUnreachable` without an answer.
    Before that they try again after 429, 502, 503, 504 and broken connections, as the answer's `Retry-After` says.
    """

    def _connect(self, timeout_s: float) -> httpx.Client:
        return httpx.Client(timeout=timeout_s, headers=_USER_AGENT)

    def predict(self, row: Row) -> str:
        """The class of one row."""
        return self._run(self._operations.predict(row))

    def predict_details(self, row: Row, *, coverage: float | None = None, explain: bool = False) -> DetailedPrediction:
        """The class with its probabilities and how far to rely on it; `coverage` is that of the prediction set."""
        return self._run(self._operations.predict_details(row, coverage, explain))

    def predict_batch(
        self, rows: Iterable[Row], *, coverage: float | None = None, explain: bool = False
    ) -> list[DetailedPrediction | InstanceError]:
        """One entry per row, in order, from as many requests as it takes. A bad row has its error."""
        return self._run(self._operations.predict_batch(rows, coverage, explain))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, steps: _Steps[T]) -> T:
        answer: _Answer | None = None
        try:
            while True:
                step = steps.send(answer)
                if isinstance(step, float):
                    time.sleep(step)
                    answer = None
                    continue
                try:
                    answer = self._http.post(self._operations.url + _PATH, **_options(step))
                except httpx.TransportError as error:
                    answer = error
        except StopIteration as done:
            result: T = done.value
            return result


class AsyncClient(_Caller[httpx.AsyncClient]):
    """The same as `Client`, to be awaited; also as many calls at once as you like."""

    def _connect(self, timeout_s: float) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=timeout_s, headers=_USER_AGENT)

    async def predict(self, row: Row) -> str:
        return await self._run(self._operations.predict(row))

    async def predict_details(
        self, row: Row, *, coverage: float | None = None, explain: bool = False
    ) -> DetailedPrediction:
        return await self._run(self._operations.predict_details(row, coverage, explain))

    async def predict_batch(
        self, rows: Iterable[Row], *, coverage: float | None = None, explain: bool = False
    ) -> list[DetailedPrediction | InstanceError]:
        return await self._run(self._operations.predict_batch(rows, coverage, explain))

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, steps: _Steps[T]) -> T:
        answer: _Answer | None = None
        try:
            while True:
                step = steps.send(answer)
                if isinstance(step, float):
                    await asyncio.sleep(step)
                    answer = None
                    continue
                try:
                    answer = await self._http.post(self._operations.url + _PATH, **_options(step))
                except httpx.TransportError as error:
                    answer = error
        except StopIteration as done:
            result: T = done.value
            return result


_PATH: Final = "/predict"
_USER_AGENT: Final = {"User-Agent": f"penguin-predictor/{__version__}"}


def _options(call: _Call) -> dict[str, Any]:
    return {"content": call.body, "params": call.parameters, "headers": call.headers}


def _document(row: Row) -> Mapping[str, Any]:
    return row.model_dump() if isinstance(row, Penguin) else row


def _parameters(coverage: float | None, explain: bool) -> dict[str, str]:
    return ({"explain": "true"} if explain else {}) | ({} if coverage is None else {"coverage": f"{coverage:g}"})


def _pause_s(answer: _Answer, attempt: int) -> float:
    """What `Retry-After` says, or else a time that doubles; with some chance in it, so that callers spread out."""
    told = answer.headers.get("Retry-After", "") if isinstance(answer, httpx.Response) else ""
    if told.isdecimal():
        return min(float(told), MAX_PAUSE_S) + random.uniform(0, 0.1)  # noqa: S311
    return min(2.0 ** (attempt - 2), MAX_PAUSE_S) * random.uniform(0.5, 1)  # noqa: S311


def _parsed(parse: Callable[[bytes], T], answer: httpx.Response) -> T:
    try:
        return parse(answer.content)
    except ValidationError as error:
        raise RequestRefused(answer.status_code, "the answer is not a prediction; is this the right URL?") from error


def _refused(answer: httpx.Response, request_id: str) -> RequestRefused:
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        # Cloud Run itself refuses a caller who may not invoke the function, with a page of HTML.
        hint = (
            "is there an identity token, and for this URL?" if answer.status_code in (401, 403) else "no reason given"
        )
        return RequestRefused(answer.status_code, hint, request_id=request_id)
    violations = [Violation(item.pointer, item.code, item.message) for item in problem.errors]  # type: ignore[arg-type]
    return RequestRefused(answer.status_code, problem.detail, violations, request_id=request_id)
