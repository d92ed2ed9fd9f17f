"""What `predict` and `score` share: from a request to a handler, and what every answer carries.

Routing with 404, 405 and OPTIONS, problem documents for errors, the headers of every answer, and the log lines.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from predictor.artifacts import ModelCache
from predictor.errors import PredictorError
from predictor.models import LoadedModel
from predictor.telemetry import current_headers, log
from predictor.web.admission import REFUSED, Admission, Hold, overloaded
from predictor.web.body import COMPLETE, HOLD, discard_body
from predictor.web.cors import Cors
from predictor.web.problems import HttpProblem, problem_response
from predictor.web.responses import BytesResponse, RawHeader, no_content

SLOW_REQUEST_MS: Final = 500.0
REFUSAL_LOG_INTERVAL_S: Final = 1.0

_NOBODY_READS_IT: Final = Response(status_code=HTTPStatus.BAD_REQUEST)

Handler = Callable[[Request], Awaitable[BytesResponse]]
Routes = Mapping[str, Mapping[str, Handler]]
"""Handlers by path and method. A path that ends in `/*` stands for every path below it."""


class Endpoint:
    """Answers every path and method that the framework passes on."""

    def __init__(
        self,
        routes: Routes,
        models: ModelCache[LoadedModel],
        *,
        not_found: str,
        admission: Admission,
        cors: Cors | None = None,
        log_requests: bool = False,
    ) -> None:
        """`not_found` is the sentence of a 404. `models` names the model in every answer's `Model-Version`.

        `admission` limits how many POST requests are answered at once; all others are cheap.
        """
        self._routes = {path: methods for path, methods in routes.items() if not path.endswith("/*")}
        self._folders = {path.removesuffix("*"): methods for path, methods in routes.items() if path.endswith("/*")}
        self._models = models
        self._not_found = not_found
        self._admission = admission
        self._cors = cors
        self._log_requests = log_requests
        self._refusals_suppressed = 0
        self._refusals_quiet_until = 0.0
        self._version_header: RawHeader | None = None  # Made once: a loaded model never changes.

    async def __call__(self, request: Request) -> Response:
        if request.scope["method"] != "POST":
            return await self._answer(request)
        try:
            if REFUSED in request.scope:
                raise overloaded()
            self._admission.enter()
        except HttpProblem as error:
            return await self._answer(request, error)
        hold: Hold | None = None
        try:
            response = await self._answer(request)
            hold = request.scope.get(HOLD)
            if hold is not None and isinstance(response, BytesResponse):
                response.on_sent, hold = hold.release, None
            return response
        except asyncio.CancelledError:
            hold = request.scope.get(HOLD)
            raise
        finally:
            self._admission.leave()
            if hold is not None:
                hold.release()

    async def _answer(self, request: Request, refusal: HttpProblem | None = None) -> Response:
        started = time.perf_counter()
        scope = request.scope
        current_headers.set(scope["headers"])
        try:
            if refusal is not None:
                raise refusal
            response = await self._handler(scope["method"], scope["path"])(request)
        except PredictorError as error:
            response = problem_response(error)
        except ClientDisconnect:
            return _NOBODY_READS_IT
        except Exception as error:  # noqa: BLE001  The edge: the caller gets a problem, the log gets the traceback.
            log(logging.ERROR, "unhandled_error", f"Unhandled {type(error).__name__}.", error=error)
            response = problem_response(PredictorError())
        elapsed_ms = (time.perf_counter() - started) * 1000
        if not scope.get(COMPLETE):  # Looked up here: most requests have been read to their end.
            try:
                if not await discard_body(request):
                    response.raw_headers.append((b"connection", b"close"))
            except ClientDisconnect:
                return _NOBODY_READS_IT
        self._finish(request, response, elapsed_ms)
        return response

    def _handler(self, method: str, path: str) -> Handler:
        methods = self._routes.get(path) or self._below(path)
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

    async def _options(self, request: Request, allow: str) -> BytesResponse:
        headers = [(b"allow", allow.encode())]
        if self._cors is not None:
            headers += self._cors.preflight_headers(request.scope["headers"], allow)
        return no_content(headers)

    def _finish(self, request: Request, response: BytesResponse, elapsed_ms: float) -> None:
        """Add what every answer carries, and log what deserves a line."""
        headers = response.raw_headers
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
