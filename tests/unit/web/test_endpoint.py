"""What `predict` and `score` share: routing, problem documents for errors, headers, log lines."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from predictor.artifacts import ModelCache
from predictor.bootstrap import build
from predictor.errors import InvalidInput, MalformedJson, ModelUnavailable, StoreUnavailable, Violation
from predictor.models import LoadedModel
from predictor.settings import Settings
from predictor.web import BytesResponse, Endpoint, no_content
from predictor.web.endpoint import REFUSAL_LOG_INTERVAL_S, SLOW_REQUEST_MS
from tests.support.asgi import Client, plenty, problem_of
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.logs import Log

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@dataclass
class Handler:
    """Answers 204, or raises; `seen` are the paths that it was called for."""

    error: Exception | None = None
    pause_s: float = 0.0
    seen: list[str] = field(default_factory=list)

    async def __call__(self, request: Request) -> BytesResponse:
        self.seen.append(request.url.path)
        await asyncio.sleep(self.pause_s)
        if self.error is not None:
            raise self.error
        return no_content()


def no_model() -> LoadedModel:
    raise StoreUnavailable("gs://b", "it is down")


def client_of(handler: Handler, **options: Any) -> Client:
    """A client of an endpoint that answers at GET /x, GET /folder and below /folder/."""
    routes = {"/x": {"GET": handler}, "/folder": {"GET": handler}, "/folder/*": {"GET": handler}}
    models: ModelCache[LoadedModel] = ModelCache(no_model)
    return Client(Endpoint(routes, models, not_found="Nothing here.", admission=plenty(), **options))


class RowOfAnotherDomain(InvalidInput):
    """An invalid input of a kind that the table of statuses does not list."""


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (InvalidInput([Violation("/sex", "missing", "Is required.")]), 422),
            (RowOfAnotherDomain([Violation("/sex", "missing", "Is required.")]), 422),
            (MalformedJson("it breaks off"), 400),
            (ModelUnavailable("it is being loaded", 2.5), 503),
            (StoreUnavailable("gs://b", "it is down"), 500),
            (ZeroDivisionError("division by a secret"), 500),
        ],
    )
    def test_a_raised_error_becomes_a_problem_document(self, error: Exception, status: int) -> None:
        problem_of(client_of(Handler(error)).get("/x"), status)

    def test_a_subclass_of_an_error_is_answered_as_the_error_is(self) -> None:
        problem = problem_of(
            client_of(Handler(RowOfAnotherDomain([Violation("/sex", "missing", "Is required.")]))).get("/x"), 422
        )
        assert problem["type"] == "urn:penguin-predictor:problem:invalid-input"
        assert problem["errors"] == [{"pointer": "/sex", "code": "missing", "message": "Is required."}]

    def test_an_unexpected_error_is_a_problem_for_the_caller_and_a_traceback_in_the_log(self, log: Log) -> None:
        problem = problem_of(client_of(Handler(ZeroDivisionError("division by a secret"))).get("/x"), 500)
        assert "division" not in json.dumps(problem)
        (line,) = log.lines("unhandled_error")
        assert "ZeroDivisionError" in line["stack_trace"]
        (failed,) = log.lines("request_failed")
        assert (failed["status"], failed["path"], failed["method"]) == (500, "/x", "GET")

    def test_a_caller_who_disconnects_is_not_logged(self, log: Log) -> None:
        assert client_of(Handler(ClientDisconnect()), log_requests=True).get("/x").status_code == 400
        assert log.text == ""


class TestRouting:
    def test_unknown_paths_of_predict(self, client: Client) -> None:
        for path in ("/nope", "/predict/", "/docs/../secret", "/docs/nope", "/PREDICT"):
            problem_of(client.get(path), 404)

    def test_a_404_says_what_the_endpoint_says_of_it(self) -> None:
        assert problem_of(client_of(Handler()).get("/nope"), 404)["detail"] == "Nothing here."

    def test_a_path_with_an_asterisk_stands_for_every_path_below_it(self) -> None:
        handler = Handler()
        client = client_of(handler)
        for path in ("/folder", "/folder/a", "/folder/a/b"):
            assert client.get(path).status_code == 204
        assert handler.seen == ["/folder", "/folder/a", "/folder/a/b"]
        problem_of(client.get("/folders"), 404)

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

    def test_head_is_get_without_a_body(self, client: Client) -> None:
        assert client.request("HEAD", "/health").status_code == 200

    def test_options_lists_the_methods(self, client: Client) -> None:
        response = client.request("OPTIONS", "/predict")
        assert (response.status_code, response.headers["allow"]) == (204, "POST, OPTIONS")
        assert not {"content-length", "content-type"} & set(response.headers)
        assert "access-control-allow-origin" not in response.headers


def test_every_answer_carries_its_timing_and_the_model_once_it_is_loaded(
    client: Client, bundle: PublishedBundle
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


class TestRequestId:
    def test_the_callers_id_is_on_the_answer_in_the_problem_and_in_the_log(self, log: Log) -> None:
        client = client_of(Handler(ZeroDivisionError()))
        response = client.get("/x", headers={"X-Request-Id": "order-7"})
        assert response.headers["x-request-id"] == "order-7"
        assert problem_of(response, 500)["instance"] == "urn:penguin-predictor:request:order-7"
        assert [line["request_id"] for line in log.lines()] == ["order-7", "order-7"]

    def test_without_one_an_id_is_made_for_each_request(self, client: Client) -> None:
        answers = [client.get("/health"), client.get("/nope"), client.request("OPTIONS", "/predict")]
        assert len({answer.headers["x-request-id"] for answer in answers}) == 3


class TestLog:
    def test_requests_are_only_logged_on_demand(self, client: Client, bundle: PublishedBundle, log: Log) -> None:
        client.post("/predict", json=EXAMPLE)
        assert log.lines("request") == []
        verbose = Client(build(Settings(model_uri=str(bundle.folder), log_requests=True)))
        verbose.get("/health")
        verbose.get("/some/callers/words")
        assert [(line["path"], line["status"]) for line in log.lines("request")] == [
            ("/health", 200),
            ("(other)", 404),
        ]

    def test_a_slow_request_is_logged(self, log: Log) -> None:
        client_of(Handler(pause_s=SLOW_REQUEST_MS / 1000 + 0.01)).get("/x")
        (line,) = log.lines("slow_request")
        assert (line["severity"], line["path"]) == ("WARNING", "/x")
        assert line["duration_ms"] > SLOW_REQUEST_MS

    def test_a_path_below_a_folder_is_the_callers_own_words(self, log: Log) -> None:
        client = client_of(Handler(), log_requests=True)
        client.get("/folder/words")
        assert [line["path"] for line in log.lines("request")] == ["(other)"]

    def test_lines_carry_the_callers_trace(self, client: Client, log: Log) -> None:
        client.get("/ready", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
        (line,) = log.lines("model_loaded")
        assert line["logging.googleapis.com/trace"] == f"projects/my-project/traces/{TRACE}"
        assert line["logging.googleapis.com/spanId"] == "00f067aa0ba902b7"
        assert set(line["phases_ms"]) == {"fetch", "verify", "load"}

    def test_refusals_do_not_flood_the_log_and_are_counted(self, log: Log) -> None:
        client = client_of(Handler(ModelUnavailable("it is down", 1.0)))
        for _ in range(50):
            problem_of(client.get("/x"), 503)
        assert [line["suppressed"] for line in log.lines("request_failed")] == [0]
        time.sleep(REFUSAL_LOG_INTERVAL_S)
        client.get("/x")
        assert [line["suppressed"] for line in log.lines("request_failed")] == [0, 49]
