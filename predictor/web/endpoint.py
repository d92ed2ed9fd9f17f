"""What `predict` and `score` share: from a request to a handler, and what every answer carries.

Routing with 404, 405 and OPTIONS, problem documents for errors, the headers of every answer, and the log lines.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from predictor.artifacts import ModelCache
from predictor.errors import PredictorError
from predictor.models import LoadedModel
from predictor.telemetry import current_headers, log, request_id
from predictor.web.admission import Admission
from predictor.web.body import COMPLETE, HOLD, discard_body
from predictor.web.cors import Cors
from predictor.web.problems import HttpProblem, problem_response
from predictor.web.responses import BytesResponse, RawHeader, no_content

SLOW_REQUEST_MS: Final = 500.0
REFUSAL_LOG_INTERVAL_S: Final = 1.0

COMPRESSIBLE_BYTES: Final = 4096
"""Smaller answers go out as they are: they fit into three packets."""
OTHER_PATH: Final = "(other)"
"""Stands in the log for a path that does not exist."""

_NOBODY_READS_IT: Final = Response(status_code=HTTPStatus.BAD_REQUEST)

Handler = Callable[[Request], Awaitable[BytesResponse]]
Routes = Mapping[str, Mapping[str, Handler]]
"""Handlers by path and method. A path that ends in `/*` stands for every path below it."""


class OtherRoute(NamedTuple):
    """A path of another protocol. `methods` None: there is nothing at it, but errors have the protocol's shape."""

    path: str
    """As it is documented, for the log."""
    methods: Mapping[str, Handler] | None
    error_response: Callable[[PredictorError, bytes], BytesResponse]


FindRoute = Callable[[str], OtherRoute | None]


class Endpoint:
    """Answers every path and method that the framework passes on."""

    def __init__(
        self,
        routes: Routes,
        models: ModelCache[LoadedModel],
        *,
        not_found: str,
        admission: Admission,
        others: FindRoute = lambda _path: None,
        cors: Cors | None = None,
        log_requests: bool = False,
    ) -> None:
        """`not_found` is the sentence of a 404. `models` names the model in every answer's `Model-Version`.

        `admission` limits how many POST requests are answered at once; all others are cheap. `others` is asked about
        paths that are not in `routes`.
        """
        self._routes = {path: methods for path, methods in routes.items() if not path.endswith("/*")}
        self._folders = {path.removesuffix("*"): methods for path, methods in routes.items() if path.endswith("/*")}
        self._models = models
        self._not_found = not_found
        self._admission = admission
        self._others = others
        self._cors = cors
        self._log_requests = log_requests
        self._refusals_suppressed = 0
        self._refusals_quiet_until = 0.0
        self._version_header: RawHeader | None = None  # Made once: a loaded model never changes.

    async def __call__(self, request: Request) -> Response:
        scope = request.scope
        admitted = False
        try:
            started = time.perf_counter()
            headers = scope["headers"]  # Kept: Starlette replaces them there by a list of its own.
            current_headers.set(headers)
            try:
                if scope["method"] == "POST":
                    self._admission.enter(scope)
                    admitted = True
                response = await self._handler(scope["method"], scope["path"])(request)
                if len(response.body) >= COMPRESSIBLE_BYTES or response.etag is not None:
                    response = await _negotiated(response, headers)
            except PredictorError as error:
                response = self._error_response(scope["path"], error, headers)
            except ClientDisconnect:
                return _NOBODY_READS_IT
            except Exception as error:  # noqa: BLE001  The edge: the caller gets a problem, the log gets the traceback.
                log(logging.ERROR, "unhandled_error", f"Unhandled {type(error).__name__}.", error=error)
                response = self._error_response(scope["path"], PredictorError(), headers)
            elapsed_ms = (time.perf_counter() - started) * 1000
            if not scope.get(COMPLETE):  # Looked up here: most requests have been read to their end.
                try:
                    if not await discard_body(request):
                        response.raw_headers.append((b"connection", b"close"))
                except ClientDisconnect:
                    return _NOBODY_READS_IT
            self._finish(request, response, headers, elapsed_ms)
            if HOLD in scope:
                response.on_sent = scope.pop(HOLD).release
            return response
        finally:
            if admitted:
                self._admission.leave()
            if HOLD in scope:
                scope.pop(HOLD).release()

    def _handler(self, method: str, path: str) -> Handler:
        methods = self._routes.get(path) or self._below(path)
        if methods is None and (other := self._others(path)) is not None:
            methods = other.methods
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

    def _below(self, path: str) -> Mapping[str, Handler] | None:
        return next((methods for folder, methods in self._folders.items() if path.startswith(folder)), None)

    def _error_response(self, path: str, error: PredictorError, request_headers: list[RawHeader]) -> BytesResponse:
        other = None if path in self._routes else self._others(path)
        answer = problem_response if other is None else other.error_response
        return answer(error, request_id(request_headers))

    async def _options(self, request: Request, allow: str) -> BytesResponse:
        headers = [(b"allow", allow.encode())]
        if self._cors is not None:
            headers += self._cors.preflight_headers(request.scope["headers"], allow)
        return no_content(headers)

    def _finish(
        self, request: Request, response: BytesResponse, request_headers: list[RawHeader], elapsed_ms: float
    ) -> None:
        """Add what every answer carries, and log what deserves a line."""
        headers = response.raw_headers
        headers.append((b"x-request-id", request_id(request_headers)))
        if self._version_header is None and self._models.current is not None:
            self._version_header = (b"model-version", self._models.current.identity.version.encode())
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
        path = scope["path"]
        if path not in self._routes:
            other = self._others(path)
            path = OTHER_PATH if other is None else other.path
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


async def _negotiated(response: BytesResponse, request_headers: Sequence[RawHeader]) -> BytesResponse:
    """An answer that is large or cacheable, in the form that the caller asks for."""
    if response.etag is not None:
        from predictor.web.caching import is_known, not_modified

        if is_known(response.etag, request_headers):
            return not_modified(response)
    if len(response.body) >= COMPRESSIBLE_BYTES:
        from predictor.web.compression import compress

        await compress(response, request_headers)
    return response
