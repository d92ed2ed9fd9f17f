"""The greeting, liveness and readiness; and what callers see while there is no model."""

import json

import pytest

from predictor.artifacts import ModelCache
from predictor.bootstrap import App, build
from predictor.errors import DigestMismatch
from predictor.models import LoadedModel
from predictor.settings import Settings
from tests.support.asgi import Client, problem_of
from tests.support.bundles import EXAMPLE, PublishedBundle


def test_the_greeting_is_that_of_the_replaced_service(client: Client) -> None:
    assert client.get("/").json() == {"message": "Penguin Predictor Active!"}


def test_health_needs_no_model(client: Client, app: App) -> None:
    response = client.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert app.models.current is None


def test_ready_loads_the_model(client: Client, bundle: PublishedBundle) -> None:
    response = client.get("/ready")
    assert response.json() == {
        "status": "ready",
        "model": {"version": bundle.folder.name, "digest": bundle.digest, "engine": "onnx"},
    }
    assert [part.split(";")[0] for part in response.headers["server-timing"].split(", ")] == [
        *("import", "fetch", "verify", "load")
    ]


class TestWithoutAModel:
    now = 0.0

    @pytest.fixture
    def client(self, model: LoadedModel) -> Client:
        """Of a service whose first load finds a bad file, and whose second succeeds."""
        outcomes: list[LoadedModel | Exception] = [DigestMismatch("model.onnx", "sha256:a", "sha256:b"), model]

        def load() -> LoadedModel:
            outcome = outcomes.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        models: ModelCache[LoadedModel] = ModelCache(load, clock=lambda: self.now, jitter=lambda: 1.0)
        return Client(build(Settings(), models=models))

    def test_health_ready_and_predict_say_so_and_recover(self, client: Client) -> None:
        assert client.get("/health").status_code == 200  # Nobody has asked for the model yet.
        for method, path in (("POST", "/predict"), ("GET", "/ready"), ("GET", "/health"), ("GET", "/model")):
            response = client.request(method, path, json=EXAMPLE if method == "POST" else None)
            problem = problem_of(response, 503)
            assert int(response.headers["retry-after"]) == 5
            assert "sha256" not in json.dumps(problem)
        self.now += 5.0
        assert client.get("/health").status_code == 200
        assert client.post("/predict", json=EXAMPLE).json() == {"prediction": "Adelie"}
