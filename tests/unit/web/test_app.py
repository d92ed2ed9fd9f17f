"""What `predict` answers to penguins."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from predictor.artifacts import ModelCache
from predictor.bootstrap import build
from predictor.models import Engine, LoadedModel
from predictor.settings import Settings
from predictor.web import Endpoint, web_app
from tests.support.asgi import LIMITS, Client, plenty, problem_of
from tests.support.bundles import EXAMPLE, PublishedBundle, publish_by_hand
from tests.support.logs import Log

AS_JSON = {"Content-Type": "application/json"}


class RecordingEngine(Engine):
    """Answers as the given model's engine does; records the thread of every call."""

    name: Any = None
    runtime = ""
    blocking = False

    def __init__(self, model: LoadedModel, *, blocking: bool = False) -> None:
        self._engine = model.engine
        self.name, self.runtime = model.engine.name, model.engine.runtime
        self.blocking = blocking
        self.threads: list[threading.Thread] = []

    def probabilities(self, penguin: Any) -> list[float]:
        self.threads.append(threading.current_thread())
        return self._engine.probabilities(penguin)

    def batch_probabilities(self, columns: Any) -> Any:
        self.threads.append(threading.current_thread())
        return self._engine.batch_probabilities(columns)


def app_with(model: LoadedModel, **options: Any) -> Endpoint:
    models: ModelCache[LoadedModel] = ModelCache(lambda: model)
    return web_app(models, limits=LIMITS, admission=plenty(), **options)


class TestPlain:
    """What the service that this one replaces answered, to the letter."""

    @pytest.mark.parametrize("path", ["/predict", "/"])
    def test_one_penguin_gives_its_species_and_nothing_else(self, client: Client, path: str) -> None:
        response = client.post(path, json=EXAMPLE)
        assert (response.status_code, response.content) == (200, b'{"prediction":"Adelie"}')
        assert response.headers["content-type"] == "application/json"


class TestDetails:
    def test_a_detailed_answer(self, client: Client, bundle: PublishedBundle) -> None:
        answer = client.post("/predict?details=true", json=EXAMPLE).json()
        assert list(answer) == ["prediction", "probability", "probabilities", "model"]
        assert list(answer["probabilities"]) == ["Adelie", "Chinstrap", "Gentoo"]
        assert answer["probability"] == max(answer["probabilities"].values())
        assert sum(answer["probabilities"].values()) == pytest.approx(1.0, abs=1e-6)
        assert answer["model"] == {"version": bundle.folder.name, "digest": bundle.digest}

    def test_details_false_is_the_plain_answer(self, client: Client) -> None:
        assert client.post("/predict?details=false", json=EXAMPLE).json() == {"prediction": "Adelie"}

    def test_another_parameter_is_refused_and_the_known_ones_are_named(self, client: Client) -> None:
        problem = problem_of(client.post("/predict?detail=true", json=EXAMPLE), 422)
        assert "details" in problem["errors"][0]["message"]

    @pytest.mark.parametrize("query", ["details=1", "details=", "details=true&details=true", "details=%FF"])
    def test_another_value_is_refused(self, client: Client, query: str) -> None:
        problem = problem_of(client.post(f"/predict?{query}", json=EXAMPLE), 422)
        assert "details" in problem["errors"][0]["message"]

    def test_the_sklearn_engine_gives_the_same_details(self, client: Client, bundle: PublishedBundle) -> None:
        sklearn = Client(build(Settings(model_uri=str(bundle.folder), model_engine="sklearn")))
        assert sklearn.get("/ready").json()["model"]["engine"] == "sklearn"
        ours, theirs = (c.post("/predict?details=true", json=EXAMPLE).json() for c in (client, sklearn))
        assert ours["prediction"] == theirs["prediction"]
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-5)


class TestInstances:
    def test_answers_are_detailed_and_in_order(self, client: Client) -> None:
        gentoo = {**EXAMPLE, "bill_depth_mm": 14.5, "flipper_length_mm": 220.0, "body_mass_g": 5500, "island": "Biscoe"}
        rows = client.post("/predict", json={"instances": [EXAMPLE, gentoo, EXAMPLE]}).json()["predictions"]
        assert [row["prediction"] for row in rows] == ["Adelie", "Gentoo", "Adelie"]
        alone = client.post("/predict?details=true", json=EXAMPLE).json()
        assert list(rows[0]) == list(alone)
        assert (rows[0]["prediction"], rows[0]["model"]) == (alone["prediction"], alone["model"])
        assert rows[0]["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-6)

    def test_an_invalid_row_never_fails_the_others(self, client: Client) -> None:
        rows = client.post("/predict", json={"instances": [{"sex": "x"}, EXAMPLE, 3]}).json()["predictions"]
        assert [next(iter(row)) for row in rows] == ["error", "prediction", "error"]
        assert {"pointer": "/sex", "code": "unknown_value", "message": "Must be one of male, female."} in rows[0][
            "error"
        ]["errors"]

    def test_no_rows_give_no_answers(self, client: Client) -> None:
        assert client.post("/predict", json={"instances": []}).json() == {"predictions": []}

    def test_more_rows_than_allowed_are_refused(self, bundle: PublishedBundle) -> None:
        client = Client(build(Settings(model_uri=str(bundle.folder), max_instances_per_request=2)))
        problem = problem_of(client.post("/predict", json={"instances": [EXAMPLE] * 3}), 422)
        assert problem["errors"] == [
            {
                "pointer": "/instances",
                "code": "too_many",
                "message": "At most 2 penguins are scored in one request.",
            }
        ]


class TestWhereWorkIsDone:
    """What takes long does not hold up the event loop."""

    @pytest.mark.parametrize(
        ("invalid_row", "padding", "in_thread"),
        [
            pytest.param(False, 0, False, id="a-thousand-valid-birds-on-the-event-loop"),
            pytest.param(True, 0, True, id="with-an-invalid-row-in-a-thread"),
            pytest.param(False, 100_000, True, id="a-larger-body-in-a-thread"),
        ],
    )
    def test_a_batch(self, model: LoadedModel, invalid_row: bool, padding: int, in_thread: bool) -> None:
        engine = RecordingEngine(model)
        client = Client(app_with(replace(model, engine=engine)))
        rows = [EXAMPLE] * 999 + [{**EXAMPLE, "sex": "?"} if invalid_row else EXAMPLE]
        content = json.dumps({"instances": rows}).encode() + b" " * padding
        answer = client.post("/predict", content=content, headers=AS_JSON)
        assert len(answer.json()["predictions"]) == 1000
        assert [thread is not threading.main_thread() for thread in engine.threads] == [in_thread]

    @pytest.mark.parametrize("blocking", [False, True])
    def test_one_penguin_leaves_the_event_loop_only_for_an_engine_that_blocks(
        self, model: LoadedModel, blocking: bool
    ) -> None:
        engine = RecordingEngine(model, blocking=blocking)
        client = Client(app_with(replace(model, engine=engine)))
        for body in (EXAMPLE, {"instances": [EXAMPLE]}):
            assert client.post("/predict", json=body).status_code == 200
        assert [thread is not threading.main_thread() for thread in engine.threads] == [blocking, blocking]


def test_a_model_that_raises_is_a_500_and_its_message_stays_in_the_log(model: LoadedModel, log: Log) -> None:
    class BrokenEngine(RecordingEngine):
        def probabilities(self, penguin: Any) -> list[float]:
            raise ZeroDivisionError("division by a secret")

    client = Client(app_with(replace(model, engine=BrokenEngine(model))))
    problem = problem_of(client.post("/predict", json=EXAMPLE), 500)
    assert "division" not in json.dumps(problem)
    assert "division by a secret" in log.lines("unhandled_error")[0]["stack_trace"]


def test_a_model_that_cannot_be_loaded_is_a_503_and_the_log_says_what_differs(tmp_path: Path, log: Log) -> None:
    bundle = publish_by_hand(tmp_path)
    onnx = bundle.folder / "model.onnx"
    onnx.write_bytes(onnx.read_bytes()[:-1] + b"!")
    client = Client(build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest)))
    problem_of(client.post("/predict", json=EXAMPLE), 503)
    (line,) = log.lines("model_load_failed")
    assert line["severity"] == "ERROR"
    assert (line["error_type"], line["file"]) == ("DigestMismatch", "model.onnx")
    assert line["expected"] != line["actual"]
    assert line["expected"].startswith("sha256:")
    assert line["actual"].startswith("sha256:")


def test_a_callers_values_are_never_logged(bundle: PublishedBundle, log: Log) -> None:
    client = Client(build(Settings(model_uri=str(bundle.folder), log_requests=True)))
    client.post("/predict?details=zq7secret", json={**EXAMPLE, "sex": "zq7secret"})
    client.post("/predict", json={**EXAMPLE, "island": "zq7secret", "zq7secret": 1})
    client.get("/zq7secret")
    assert "zq7secret" not in log.text
    assert len(log.lines("request")) == 3
