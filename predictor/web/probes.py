"""The answers that `predict` and `score` have in common: the greeting, liveness and readiness."""

from typing import Final

from starlette.requests import Request

from predictor.artifacts import ModelCache
from predictor.models import LoadedModel
from predictor.web.endpoint import Handler
from predictor.web.responses import BytesResponse, json_response
from predictor.web.timing import FirstAnswer

GREETING: Final = "Penguin Predictor Active!"


class Probes:
    """`GET /`, `GET /health` and `GET /ready`."""

    def __init__(self, models: ModelCache[LoadedModel], first_answer: FirstAnswer) -> None:
        self._models = models
        self._first_answer = first_answer

    async def home(self, _request: Request) -> BytesResponse:
        return json_response({"message": GREETING})

    async def health(self, _request: Request) -> BytesResponse:
        models = self._models
        if models.current is None and models.failure is not None:
            # Asking may start the next attempt: a service that nobody else calls must be able to recover too.
            await models.get()
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> BytesResponse:
        model = await self._models.get()
        identity = model.identity
        names = {"version": identity.version, "digest": identity.digest, "engine": model.engine.name}
        response = json_response({"status": "ready", "model": names})
        response.server_timing = self._first_answer.phases(model)
        return response

    def routes(self) -> dict[str, dict[str, Handler]]:
        return {"/": {"GET": self.home}, "/health": {"GET": self.health}, "/ready": {"GET": self.ready}}
