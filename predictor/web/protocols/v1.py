"""KServe's first protocol, which Vertex AI and TensorFlow Serving speak too: `{"instances": [...]}`."""

from starlette.requests import Request

from predictor.errors import InvalidInput, Violation
from predictor.models import LoadedModel
from predictor.penguin import NOUN
from predictor.web.endpoint import Handler, OtherRoute
from predictor.web.parameters import parameters_in
from predictor.web.protocols.errors import with_error
from predictor.web.protocols.scorer import Scorer, array_in, in_feature_order, parse_object
from predictor.web.responses import BytesResponse, json_response


class V1:
    """Its handlers."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def routes(self, predict_route: str | None, health_route: str | None) -> list[OtherRoute]:
        """The routes, and those that Vertex AI chooses."""
        paths: dict[str, dict[str, Handler]] = {
            "/v1/models": {"GET": self.models},
            f"/v1/models/{NOUN}": {"GET": self.ready},
            f"/v1/models/{NOUN}:predict": {"POST": self.predict},
        }
        if predict_route is not None:
            paths[predict_route] = {"POST": self.predict}
        if health_route is not None:
            paths[health_route] = {"GET": self.ready}
        return [OtherRoute(path, methods, with_error) for path, methods in paths.items()]

    async def models(self, _request: Request) -> BytesResponse:
        return json_response({"models": [NOUN]})

    async def ready(self, _request: Request) -> BytesResponse:
        await self._scorer.model()
        return json_response({"name": NOUN, "ready": True})

    async def predict(self, request: Request) -> BytesResponse:
        return await self._scorer.answer(request, self._predict)

    def _predict(self, model: LoadedModel, body: bytes) -> BytesResponse:
        document = parse_object(body)
        for name in document:
            if name not in ("instances", "parameters"):
                message = "There are only instances and parameters."
                raise InvalidInput([Violation("", "unknown_field", message)])
        rows = [in_feature_order(row, model) for row in array_in(document, "instances")]
        parameters = parameters_in(document.get("parameters"), "/parameters")
        return self._scorer.rows(model, rows, parameters, where="/instances", body_bytes=len(body))
