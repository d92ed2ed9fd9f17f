import asyncio
import json
import threading
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from predictor.artifacts.cache import ModelCache
from predictor.bootstrap import App, build
from predictor.errors import DigestMismatch, StoreUnavailable
from predictor.models.loader import LoadedModel
from predictor.settings import Settings
from predictor.web import app as app_module
from predictor.web import body as body_module
from tests.support.asgi import Client, run
from tests.support.bundles import EXAMPLE, PublishedBundle, publish_by_hand

JSON_BODY = json.dumps(EXAMPLE).encode()
AS_JSON = {"Content-Type": "application/json"}


def problem_of(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert set(document) <= {"type", "title", "status", "detail", "errors"}
    return document


def lines_of(log: StringIO, event: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == event]


class TestPredictorsAnswers:
    """What the predecessor answered, to the letter."""

    def test_root(self, client: Client) -> None:
        assert client.get("/").json() == {"message": "Penguin Predictor Active!"}

    def test_health(self, client: Client) -> None:
        response = client.get("/health")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})

    @pytest.mark.parametrize("path", ["/predict", "/"])
    def test_predict(self, client: Client, path: str) -> None:
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
        assert client.post("/predict?details=false&other=1", json=EXAMPLE).json() == {"prediction": "Adelie"}

    @pytest.mark.parametrize("query", ["details=1", "details=", "details=true&details=true", "details=%FF"])
    def test_another_value_is_refused(self, client: Client, query: str) -> None:
        problem = problem_of(client.post(f"/predict?{query}", json=EXAMPLE), 422)
        assert "details" in problem["errors"][0]["message"]


class TestInstances:
    def test_answers_are_detailed_and_in_order(self, client: Client) -> None:
        gentoo = {**EXAMPLE, "bill_depth_mm": 14.5, "flipper_length_mm": 220.0, "body_mass_g": 5500, "island": "Biscoe"}
        rows = client.post("/predict", json={"instances": [EXAMPLE, gentoo, EXAMPLE]}).json()["predictions"]
        assert [row["prediction"] for row in rows] == ["Adelie", "Gentoo", "Adelie"]
        alone = client.post("/predict?details=true", json=EXAMPLE).json()
        assert list(rows[0]) == list(alone)
        assert (rows[0]["prediction"], rows[0]["model"]) == (alone["prediction"], alone["model"])
        assert rows[0]["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-6)

    def test_one_bad_row_never_fails_the_others(self, client: Client) -> None:
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

    @pytest.mark.parametrize(
        ("faulty", "padding", "away"),
        [
            pytest.param(False, 0, False, id="a-thousand-birds-are-scored-at-once"),
            pytest.param(True, 0, True, id="with-a-fault-in-a-thread"),
            pytest.param(False, 100_000, True, id="a-larger-body-in-a-thread"),
        ],
    )
    def test_what_takes_long_does_not_hold_up_the_event_loop(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, faulty: bool, padding: int, away: bool
    ) -> None:
        threads: list[threading.Thread] = []

        def spy(body: Callable[..., bytes]) -> Callable[..., bytes]:
            def scored(*args: Any) -> bytes:
                threads.append(threading.current_thread())
                return body(*args)

            return scored

        for name in ("batch_body", "columns_body"):
            monkeypatch.setattr(app_module, name, spy(getattr(app_module, name)))
        rows = [EXAMPLE] * 999 + [{**EXAMPLE, "sex": "?"} if faulty else EXAMPLE]
        content = json.dumps({"instances": rows}).encode() + b" " * padding
        answer = client.post("/predict", content=content, headers=AS_JSON)
        assert len(answer.json()["predictions"]) == 1000
        assert [thread is not threading.main_thread() for thread in threads] == [away]


class TestProblems:
    def test_every_violation_is_listed_at_once(self, client: Client) -> None:
        problem = problem_of(client.post("/predict", json={"bill_length_mm": "39.1", "sex": "unknown"}), 422)
        assert {error["pointer"]: error["code"] for error in problem["errors"]} == {
            "/bill_length_mm": "wrong_type",
            "/bill_depth_mm": "missing",
            "/flipper_length_mm": "missing",
            "/body_mass_g": "missing",
            "/sex": "unknown_value",
            "/island": "missing",
        }
        assert problem["type"] == "urn:penguin-predictor:problem:invalid-input"

    def test_json_that_is_no_object(self, client: Client) -> None:
        problem = problem_of(client.post("/predict", json=[1]), 422)
        assert problem["errors"][0]["pointer"] == ""

    def test_malformed_json(self, client: Client) -> None:
        problem_of(client.post("/predict", content=b"{", headers=AS_JSON), 400)
        problem_of(client.post("/predict", content=b"", headers=AS_JSON), 400)

    def test_unknown_paths(self, client: Client) -> None:
        for path in ("/nope", "/predict/", "/docs/../secret", "/docs/nope", "/PREDICT"):
            problem_of(client.get(path), 404)

    @pytest.mark.parametrize(
        ("method", "path", "allow"),
        [
            ("GET", "/predict", "POST, OPTIONS"),
            ("PUT", "/predict", "POST, OPTIONS"),
            ("DELETE", "/", "GET, POST, HEAD, OPTIONS"),
            ("POST", "/health", "GET, HEAD, OPTIONS"),
            ("POST", "/docs", "GET, HEAD, OPTIONS"),
        ],
    )
    def test_other_methods(self, client: Client, method: str, path: str, allow: str) -> None:
        response = client.request(method, path)
        problem_of(response, 405)
        assert response.headers["allow"] == allow

    @pytest.mark.parametrize(
        "content_type",
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "json", "+json"],
    )
    def test_other_media_types(self, client: Client, content_type: str) -> None:
        problem_of(client.post("/predict", content=JSON_BODY, headers={"Content-Type": content_type}), 415)

    def test_no_media_type(self, client: Client) -> None:
        problem_of(client.post("/predict", content=JSON_BODY), 415)

    def test_a_content_encoding(self, client: Client) -> None:
        problem_of(client.post("/predict", content=JSON_BODY, headers={**AS_JSON, "Content-Encoding": "gzip"}), 415)

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "Application/JSON; charset=UTF-8",
            'application/json;charset="utf-8"',
            "application/a+json",
        ],
    )
    def test_json_under_its_other_names(self, client: Client, content_type: str) -> None:
        response = client.post("/predict", content=JSON_BODY, headers={"Content-Type": content_type})
        assert response.status_code == 200

    def test_a_declared_body_over_the_limit(self, client: Client) -> None:
        problem_of(client.post("/predict", content=b" " * (2 * 1024 * 1024), headers=AS_JSON), 413)

    def test_a_body_that_grows_over_the_limit(self, client: Client) -> None:
        async def chunks() -> Any:
            for _ in range(40):
                yield b" " * 65536

        problem_of(client.post("/predict", content=chunks(), headers=AS_JSON), 413)

    def test_a_body_in_pieces(self, client: Client) -> None:
        async def chunks() -> Any:
            for index in range(len(JSON_BODY)):
                yield JSON_BODY[index : index + 1]

        assert client.post("/predict", content=chunks(), headers=AS_JSON).json() == {"prediction": "Adelie"}


def scope_of(path: str = "/predict", *, length: int | None = None) -> dict[str, Any]:
    headers = [(b"content-type", b"application/json")]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}


class TestSlowCallers:
    def test_a_body_that_does_not_come_is_given_up(self, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(body_module, "BODY_TIMEOUT_S", 0.05)

        async def receive() -> Any:
            await asyncio.sleep(60)

        response = run(app.web(Request(scope_of(), receive)))
        assert response.status_code == 408

    def test_a_body_that_comes_late_is_read(self, app: App) -> None:
        parts = [JSON_BODY[:20], JSON_BODY[20:]]

        async def receive() -> Any:
            await asyncio.sleep(0.01)
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        assert run(app.web(Request(scope_of(), receive))).body == b'{"prediction":"Adelie"}'

    def test_a_caller_who_leaves_is_no_error(self, app: App, log: StringIO) -> None:
        async def receive() -> Any:
            await asyncio.sleep(0)
            return {"type": "http.disconnect"}

        run(app.web(Request(scope_of(), receive)))
        assert log.getvalue() == ""

    def test_waiting_for_a_body_can_be_cancelled(self, app: App) -> None:
        async def receive() -> Any:
            await asyncio.sleep(60)

        async def scenario() -> None:
            task = asyncio.create_task(app.web(Request(scope_of(), receive)))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(scenario())


class TestHeaders:
    def test_every_answer_carries_its_timing_and_the_model_once_it_is_loaded(
        self, client: Client, bundle: PublishedBundle
    ) -> None:
        assert "model-version" not in client.get("/health").headers
        client.get("/ready")
        for method, path in (
            ("GET", "/"),
            ("GET", "/nope"),
            ("POST", "/predict"),
            ("GET", "/predict"),
            ("GET", "/docs"),
        ):
            headers = client.request(method, path).headers
            assert headers["model-version"] == bundle.folder.name
            assert "dur=" in headers["server-timing"]

    def test_the_first_prediction_shows_the_phases_of_the_start(self, client: Client) -> None:
        first, second = (client.post("/predict", json=EXAMPLE).headers["server-timing"] for _ in range(2))
        assert [part.split(";")[0] for part in first.split(", ")] == ["import", "fetch", "verify", "load", "predict"]
        assert "import;dur=123.000" in first
        assert [part.split(";")[0] for part in second.split(", ")] == ["predict"]

    def test_head_is_get_without_a_body(self, client: Client) -> None:
        assert client.request("HEAD", "/health").status_code == 200

    def test_options_lists_the_methods(self, client: Client) -> None:
        response = client.request("OPTIONS", "/predict")
        assert (response.status_code, response.headers["allow"]) == (204, "POST, OPTIONS")
        assert not {"content-length", "content-type"} & set(response.headers)
        assert "access-control-allow-origin" not in response.headers


class TestCors:
    ORIGIN = "https://penguins.example"

    @pytest.fixture
    def client(self, bundle: PublishedBundle) -> Client:
        return Client(build(Settings(model_uri=str(bundle.folder), cors_origins=(self.ORIGIN,))))

    def test_an_allowed_origin_may_read_answers_and_problems(self, client: Client) -> None:
        for path, status in (("/health", 200), ("/nope", 404)):
            response = client.get(path, headers={"Origin": self.ORIGIN})
            assert response.status_code == status
            assert response.headers["access-control-allow-origin"] == self.ORIGIN
            assert response.headers["vary"] == "Origin"

    def test_another_origin_may_not(self, client: Client) -> None:
        response = client.get("/health", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in response.headers
        assert response.headers["vary"] == "Origin"

    def test_a_preflight_is_answered(self, client: Client) -> None:
        headers = {"Origin": self.ORIGIN, "Access-Control-Request-Method": "POST"}
        response = client.request("OPTIONS", "/predict", headers=headers)
        assert response.status_code == 204
        assert response.headers["access-control-allow-methods"] == "POST, OPTIONS"
        assert "Content-Type" in response.headers["access-control-allow-headers"]


class TestModel:
    def test_ready_loads_the_model(self, client: Client, bundle: PublishedBundle) -> None:
        response = client.get("/ready")
        assert response.json() == {
            "status": "ready",
            "model": {"version": bundle.folder.name, "digest": bundle.digest, "engine": "onnx"},
        }
        assert [part.split(";")[0] for part in response.headers["server-timing"].split(", ")] == [
            *("import", "fetch", "verify", "load")
        ]

    def test_model_describes_what_is_served(self, client: Client, bundle: PublishedBundle) -> None:
        info = client.get("/model").json()
        assert info["digest"] == bundle.digest
        assert info["classes"] == ["Adelie", "Chinstrap", "Gentoo"]
        assert info["features"][0] == {
            "name": "bill_length_mm",
            "unit": "mm",
            "minimum": 20.0,
            "maximum": 160.0,
            "values": None,
        }
        assert [feature["name"] for feature in info["features"]] == list(EXAMPLE)

    def test_the_sklearn_engine_answers_the_same(self, client: Client, bundle: PublishedBundle) -> None:
        sklearn = Client(build(Settings(model_uri=str(bundle.folder), model_engine="sklearn")))
        assert sklearn.get("/ready").json()["model"]["engine"] == "sklearn"
        ours, theirs = (c.post("/predict?details=true", json=EXAMPLE).json() for c in (client, sklearn))
        assert ours["prediction"] == theirs["prediction"]
        assert ours["probability"] == pytest.approx(theirs["probability"], abs=1e-5)

    def test_without_a_uri_the_newest_published_version_is_served(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish_by_hand(tmp_path, seed=1)
        newest = publish_by_hand(tmp_path, seed=2)
        monkeypatch.setattr("predictor.bootstrap.DEFAULT_ROOT", tmp_path)
        assert Client(build(Settings())).get("/ready").json()["model"]["version"] == newest.folder.name


class TestNoModel:
    def failing(self, *errors: Exception | LoadedModel) -> App:
        queue = list(errors)

        def load() -> LoadedModel:
            item = queue.pop(0)
            if isinstance(item, Exception):
                raise item
            return item

        models: ModelCache[LoadedModel] = ModelCache(load, clock=lambda: self.now, jitter=lambda: 1.0)
        return build(Settings(), models=models)

    now = 0.0

    def test_health_ready_and_predict_say_so_and_recover(self, app: App) -> None:
        model = app.models.get_blocking()
        broken = self.failing(DigestMismatch("model.onnx", "sha256:a", "sha256:b"), model)
        client = Client(broken)
        assert client.get("/health").status_code == 200  # Nobody has asked for the model yet.
        for method, path in (("POST", "/predict"), ("GET", "/ready"), ("GET", "/health"), ("GET", "/model")):
            response = client.request(method, path, json=EXAMPLE if method == "POST" else None)
            problem = problem_of(response, 503)
            assert int(response.headers["retry-after"]) == 5
            assert "sha256" not in json.dumps(problem)
        self.now += 5.0
        assert client.get("/health").status_code == 200
        assert client.post("/predict", json=EXAMPLE).json() == {"prediction": "Adelie"}

    def test_a_failed_load_is_logged_with_what_differs(self, tmp_path: Path, log: StringIO) -> None:
        bundle = publish_by_hand(tmp_path)
        onnx = bundle.folder / "model.onnx"
        onnx.write_bytes(onnx.read_bytes()[:-1] + b"!")
        client = Client(build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest)))
        problem_of(client.post("/predict", json=EXAMPLE), 503)
        (line,) = lines_of(log, "model_load_failed")
        assert line["severity"] == "ERROR"
        assert (line["error_type"], line["file"]) == ("DigestMismatch", "model.onnx")
        assert line["expected"] != line["actual"]
        assert line["expected"].startswith("sha256:")
        assert line["actual"].startswith("sha256:")

    def test_refusals_do_not_flood_the_log(self, log: StringIO) -> None:
        client = Client(self.failing(StoreUnavailable("gs://b", "it is down")))
        for _ in range(50):
            client.post("/predict", json=EXAMPLE)
        assert len(lines_of(log, "request_failed")) == 1


class TestLog:
    TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

    def test_an_unforeseen_error_is_a_problem_for_the_caller_and_a_traceback_in_the_log(
        self, client: Client, log: StringIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def explode(*_: object, **__: object) -> None:
            raise ZeroDivisionError("division by a secret")

        client.get("/ready")
        monkeypatch.setattr("predictor.web.app.decode", explode)
        problem = problem_of(client.post("/predict", json=EXAMPLE), 500)
        assert "division" not in json.dumps(problem)
        (line,) = lines_of(log, "unhandled_error")
        assert "ZeroDivisionError" in line["stack_trace"]
        (failed,) = lines_of(log, "request_failed")
        assert (failed["status"], failed["path"], failed["method"]) == (500, "/predict", "POST")

    def test_requests_are_only_logged_on_demand(self, client: Client, bundle: PublishedBundle, log: StringIO) -> None:
        client.post("/predict", json=EXAMPLE)
        assert lines_of(log, "request") == []
        talkative = Client(build(Settings(model_uri=str(bundle.folder), log_requests=True)))
        talkative.get("/health")
        talkative.get("/some/callers/words")
        assert [(line["path"], line["status"]) for line in lines_of(log, "request")] == [
            ("/health", 200),
            ("(other)", 404),
        ]

    def test_lines_carry_the_callers_trace(self, client: Client, log: StringIO) -> None:
        client.get("/ready", headers={"traceparent": f"00-{self.TRACE}-00f067aa0ba902b7-01"})
        (line,) = lines_of(log, "model_loaded")
        assert line["logging.googleapis.com/trace"] == f"projects/my-project/traces/{self.TRACE}"
        assert line["logging.googleapis.com/spanId"] == "00f067aa0ba902b7"
        assert set(line["phases_ms"]) == {"fetch", "verify", "load"}

    def test_a_slow_request_is_logged(self, client: Client, log: StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("predictor.web.app.SLOW_REQUEST_MS", 0.0)
        client.get("/health")
        (line,) = lines_of(log, "slow_request")
        assert line["severity"] == "WARNING"

    def test_a_callers_values_never_stand_in_a_line(self, bundle: PublishedBundle, log: StringIO) -> None:
        client = Client(build(Settings(model_uri=str(bundle.folder), log_requests=True)))
        client.post("/predict?details=zq7secret", json={**EXAMPLE, "sex": "zq7secret"})
        client.post("/predict", json={**EXAMPLE, "island": "zq7secret", "zq7secret": 1})
        client.get("/zq7secret")
        assert "zq7secret" not in log.getvalue()
        assert len(lines_of(log, "request")) == 3
