"""HTTP: from a request to a response. Only translates: what a penguin is, and its species, is decided elsewhere."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from predictor.decoding import Batch, decode
from predictor.errors import InvalidInput, PredictorError, Violation
from predictor.models.loader import LoadedModel
from predictor.service import PredictionService, predict, species_of
from predictor.telemetry.logs import log
from predictor.telemetry.trace import current_headers
from predictor.web.body import read_json_body
from predictor.web.cors import Cors
from predictor.web.encoding import batch_body, columns_body, detailed_body, plain_body
from predictor.web.model_info import model_info
from predictor.web.problems import HttpProblem, problem_response
from predictor.web.responses import JSON, BytesResponse, RawHeader, json_response

SLOW_REQUEST_MS: Final = 500.0
REFUSAL_LOG_INTERVAL_S: Final = 1.0
BLOCKING_BODY_BYTES: Final = 64 * 1024
"""Above this, a batch is scored in a thread, so that the event loop goes on answering everyone else."""
FAULTLESS_BODY_BYTES: Final = 192 * 1024
"""The same for a batch without fault, a thousand birds or more. Scoring it takes about as long as the interpreter lets
one thread keep the others waiting anyhow (`sys.getswitchinterval`), and a thread makes it a third slower
(docs/performance.md).
"""

Handler = Callable[[Request], Awaitable[BytesResponse]]


class WebApp:
    """Answers every path and method that the framework hands over; 404 and 405 are ours as well."""

    _not_found = "There is nothing at this path; /docs lists what there is."

    def __init__(
        self,
        service: PredictionService,
        *,
        max_body_bytes: int,
        max_instances: int,
        cors_origins: tuple[str, ...] = (),
        log_requests: bool = False,
        import_ms: float = 0.0,
    ) -> None:
        """`import_ms` is what the process needed until it could take a request, for the first answer's timing."""
        self._service = service
        self._max_body_bytes = max_body_bytes
        self._max_instances = max_instances
        self._cors = Cors(cors_origins) if cors_origins else None
        self._log_requests = log_requests
        self._import_ms = import_ms
        self._first_answer = True
        self._refusals_suppressed = 0
        self._refusals_quiet_until = 0.0
        self._version_header: RawHeader | None = None  # Made once: a loaded model never changes.
        self._routes: dict[str, dict[str, Handler]] = {
            "/": {"GET": self._home, "POST": self._predict},
            "/predict": {"POST": self._predict},
            "/health": {"GET": self._health},
            "/ready": {"GET": self._ready},
            "/model": {"GET": self._model},
            "/openapi.json": {"GET": self._openapi},
            "/docs": {"GET": self._docs},
        }

    async def __call__(self, request: Request) -> Response:
        started = time.perf_counter()
        scope = request.scope
        current_headers.set(scope["headers"])
        try:
            response = await self._route(scope["method"], scope["path"])(request)
        except PredictorError as error:
            response = problem_response(error)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # Nobody is there to read it.
        except Exception as error:  # noqa: BLE001  The edge: the caller gets a problem, the log gets the traceback.
            log(logging.ERROR, "unhandled_error", f"Unhandled {type(error).__name__}.", error=error)
            response = problem_response(PredictorError())
        self._finish(request, response, (time.perf_counter() - started) * 1000)
        return response

    def _route(self, method: str, path: str) -> Handler:
        methods = self._routes.get(path)
        if methods is None and path.startswith("/docs/") and "/docs" in self._routes:
            methods = {"GET": self._docs}
        if methods is None:
            raise HttpProblem(HTTPStatus.NOT_FOUND, self._not_found)
        if method == "HEAD":
            method = "GET"  # The server drops the body.
        handler = methods.get(method)
        if handler is not None:
            return handler
        allow = ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])
        if method == "OPTIONS":
            return lambda request: self._options(request, allow)
        raise HttpProblem(HTTPStatus.METHOD_NOT_ALLOWED, f"Allowed here: {allow}.", [(b"allow", allow.encode())])

    def _finish(self, request: Request, response: BytesResponse, elapsed_ms: float) -> None:
        """Put on every answer what every answer carries, and write down what deserves it."""
        headers = response.raw_headers
        if self._version_header is None and self._service.models.current is not None:
            self._version_header = (b"model-version", self._service.models.current.identity.version.encode())
        if self._version_header is not None:
            headers.append(self._version_header)
        if response.server_timing is None:
            response.server_timing = b"total;dur=%.3f" % elapsed_ms
        headers.append((b"server-timing", response.server_timing))
        if self._cors is not None:
            headers += self._cors.headers(request.scope["headers"])
        if self._log_requests or elapsed_ms > SLOW_REQUEST_MS or response.status_code >= 500:
            self._log(request, response.status_code, elapsed_ms)

    def _log(self, request: Request, status: int, elapsed_ms: float) -> None:
        scope = request.scope
        if status == HTTPStatus.SERVICE_UNAVAILABLE and not self._log_requests:
            # Why there is no model has been logged once; a line per refused request would only flood the log.
            now = time.monotonic()
            if now < self._refusals_quiet_until:
                self._refusals_suppressed += 1
                return
            self._refusals_quiet_until = now + REFUSAL_LOG_INTERVAL_S
        # Only paths that exist: any other is the caller's own words.
        path = scope["path"] if scope["path"] in self._routes else "(other)"
        event, severity = "request", logging.INFO
        if status >= 500:
            event, severity = "request_failed", logging.ERROR
        elif elapsed_ms > SLOW_REQUEST_MS:
            event, severity = "slow_request", logging.WARNING
        log(
            severity,
            event,
            f"{scope['method']} {path} {status} in {elapsed_ms:.1f} ms",
            method=scope["method"],
            path=path,
            status=status,
            duration_ms=round(elapsed_ms, 3),
            suppressed=self._refusals_suppressed,
        )
        self._refusals_suppressed = 0

    # --- handlers ----------------------------------------------------------------------------------------------------

    async def _home(self, request: Request) -> BytesResponse:
        # A browser (Accept prefers text/html) will get a page here.
        return json_response({"message": "Penguin Predictor Active!"})

    async def _health(self, request: Request) -> BytesResponse:
        models = self._service.models
        if models.current is None and models.failure is not None:
            # Asking may start the next attempt: a service that nobody else calls must be able to recover too.
            await models.get()
        return json_response({"status": "ok"})

    async def _ready(self, request: Request) -> BytesResponse:
        model = await self._service.model()
        response = json_response(
            {
                "status": "ready",
                "model": {
                    "version": model.identity.version,
                    "digest": model.identity.digest,
                    "engine": model.engine.name,
                },
            }
        )
        if self._first_answer:
            response.server_timing = _server_timing({"import": self._import_ms, **model.phases_ms})
        return response

    async def _model(self, request: Request) -> BytesResponse:
        return json_response(model_info(await self._service.model()))

    async def _openapi(self, request: Request) -> BytesResponse:
        from predictor.web.openapi import openapi_json  # Costs milliseconds that only this path needs.

        return BytesResponse(openapi_json(), JSON)

    async def _docs(self, request: Request) -> BytesResponse:
        from predictor.web.docs import docs_response

        return docs_response(request.scope["path"])

    async def _options(self, request: Request, allow: str) -> BytesResponse:
        headers = [(b"allow", allow.encode())]
        if self._cors is not None:
            headers += self._cors.preflight_headers(request.scope["headers"], allow)
        return BytesResponse(b"", JSON, HTTPStatus.NO_CONTENT, headers)

    async def _predict(self, request: Request) -> BytesResponse:
        details = _details(request.scope["query_string"])
        body = await read_json_body(request, self._max_body_bytes)
        model = self._service.models.current or await self._service.model()
        started = time.perf_counter()
        if model.engine.blocking or len(body) > FAULTLESS_BODY_BYTES:
            answer = await asyncio.to_thread(self._answer, model, body, details)
        elif faultless := self._faultless(model, body):
            answer = faultless
        elif len(body) > BLOCKING_BODY_BYTES:
            answer = await asyncio.to_thread(self._careful, model, body, details)
        else:
            answer = self._careful(model, body, details)
        response = BytesResponse(answer, JSON)
        predict_ms = (time.perf_counter() - started) * 1000
        if self._first_answer:
            self._first_answer = False
            response.server_timing = _server_timing(
                {"import": self._import_ms, **model.phases_ms, "predict": predict_ms}
            )
        else:
            response.server_timing = b"predict;dur=%.3f" % predict_ms
        return response

    def _answer(self, model: LoadedModel, body: bytes, details: bool) -> bytes:
        return self._faultless(model, body) or self._careful(model, body, details)

    def _faultless(self, model: LoadedModel, body: bytes) -> bytes | None:
        """The answer to a batch, if there is nothing wrong with it."""
        if b'"instances"' not in body:
            return None
        from predictor.web.instances import read_instances  # With numpy, which single birds can do without.

        columns = read_instances(body, self._max_instances)
        return columns_body(model, columns) if columns is not None else None

    def _careful(self, model: LoadedModel, body: bytes, details: bool) -> bytes:
        """The answer to one penguin, or to a batch with faults."""
        decoded = decode(body, max_instances=self._max_instances)
        if isinstance(decoded, Batch):
            return batch_body(model, decoded)
        if details:
            return detailed_body(predict(model, (decoded,))[0])
        return plain_body(species_of(model, decoded))


def _details(query: bytes) -> bool:
    """The value of `details` in a query string; raises `InvalidInput` unless it is true or false."""
    if not query:
        return False
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("details", ["false"])
    if len(values) == 1 and values[0] in ("true", "false"):
        return values[0] == "true"
    raise InvalidInput([Violation("", "unknown_value", "The query parameter details must be true or false.")])


def _server_timing(phases_ms: dict[str, float]) -> bytes:
    return ", ".join(f"{name};dur={ms:.3f}" for name, ms in phases_ms.items()).encode()
