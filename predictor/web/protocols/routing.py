"""Which protocol a path belongs to."""

from collections.abc import Iterator, Sequence
from typing import Final

from predictor.prediction import ProtocolName
from predictor.web.endpoint import OTHER_PATH, OtherRoute
from predictor.web.protocols.errors import with_error
from predictor.web.protocols.scorer import Scorer


class ProtocolRoutes:
    """Finds the route of a path among those of the chosen protocols."""

    def __init__(
        self,
        scorer: Scorer,
        names: Sequence[ProtocolName],
        *,
        predict_route: str | None = None,
        health_route: str | None = None,
    ) -> None:
        """`predict_route` and `health_route` are further paths of `v1`, as Vertex AI chooses them."""
        routes: list[OtherRoute] = []
        if "v1" in names:
            from predictor.web.protocols.v1 import V1

            routes += V1(scorer).routes(predict_route, health_route)
        if "v2" in names:
            from predictor.web.protocols.v2 import V2

            routes += V2(scorer).routes()
        if "mlflow" in names:
            from predictor.web.protocols.mlflow import MLflow

            routes += MLflow(scorer).routes()
        if "bigquery" in names:
            from predictor.web.protocols.bigquery import BigQuery

            routes += BigQuery(scorer).routes()
        self._routes: Final = {route.path: route for route in routes}
        folders = {"v1": "/v1/", "v2": "/v2/"}
        self._folders = tuple(folders[name] for name in names if name in folders)

    def find(self, path: str) -> OtherRoute | None:
        route = self._routes.get(path) or self._routes.get(_pattern(path))
        if route is None and path.startswith(self._folders):
            return OtherRoute(OTHER_PATH, None, with_error)
        return route

    def __iter__(self) -> Iterator[OtherRoute]:
        return iter(self._routes.values())


def _pattern(path: str) -> str:
    """The path as it is documented, with its version as a parameter."""
    before, named, rest = path.partition("/versions/")
    _, slash, after = rest.partition("/")
    return f"{before}/versions/{{version}}{slash}{after}" if named else path
