"""Problem documents (RFC 9457), and the table from error class to status."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from predictor.answer_schemas import Problem
from predictor.errors import InvalidInput, MalformedJson, ModelUnavailable, PredictorError, Violation
from predictor.web.problems import PROBLEM_TYPES, HttpProblem, ProblemType, problem_response
from tests.support.asgi import Client, problem_of


def document_of(error: PredictorError) -> dict[str, Any]:
    """The document for an error, which must be of the documented form."""
    response = problem_response(error, b"1")
    document: dict[str, Any] = json.loads(bytes(response.body))
    Problem.model_validate(document, strict=False)
    assert document["status"] == response.status_code
    return document


def headers_of(error: PredictorError) -> dict[bytes, bytes]:
    return dict(problem_response(error, b"1").raw_headers)


def test_every_violation_is_listed_at_once(client: Client) -> None:
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


def test_json_that_is_no_object_is_invalid_as_a_whole(client: Client) -> None:
    problem = problem_of(client.post("/predict", json=[1]), 422)
    assert problem["errors"][0]["pointer"] == ""


@pytest.mark.parametrize("content", [b"{", b""])
def test_malformed_json_is_400(client: Client, content: bytes) -> None:
    problem_of(client.post("/predict", content=content, headers={"Content-Type": "application/json"}), 400)


def test_types_and_titles_are_part_of_the_contract() -> None:
    """Callers compare the type; neither may change with Python's name for a status."""
    assert {kind.type.rpartition(":")[2]: kind.title for kind in PROBLEM_TYPES.values()} == {
        "malformed-json": "Bad Request",
        "not-found": "Not Found",
        "method-not-allowed": "Method Not Allowed",
        "request-timeout": "Request Timeout",
        "content-too-large": "Content Too Large",
        "unsupported-media-type": "Unsupported Media Type",
        "invalid-input": "Unprocessable Content",
        "internal-server-error": "Internal Server Error",
        "model-unavailable": "Service Unavailable",
    }


def test_below_500_the_detail_is_the_errors_own_sentence() -> None:
    assert document_of(MalformedJson("byte 3 is not UTF-8")) == {
        "type": "urn:penguin-predictor:problem:malformed-json",
        "title": "Bad Request",
        "status": 400,
        "detail": "This is not valid JSON: byte 3 is not UTF-8.",
        "instance": "urn:penguin-predictor:request:1",
    }


@pytest.mark.parametrize("error", [ModelUnavailable("gs://secret is down", 1.0), PredictorError("gs://secret")])
def test_from_500_on_the_cause_is_not_given_away(error: PredictorError) -> None:
    assert "secret" not in json.dumps(document_of(error))


class _OutOfMemory(ModelUnavailable):
    """A subclass, which the table of statuses does not list."""


@pytest.mark.parametrize(("retry_after_s", "header"), [(0.0, b"1"), (0.2, b"1"), (2.0, b"2"), (2.1, b"3")])
def test_retry_after_is_a_whole_number_of_at_least_a_second(retry_after_s: float, header: bytes) -> None:
    for error in (ModelUnavailable("it is down", retry_after_s), _OutOfMemory("it is down", retry_after_s)):
        assert document_of(error)["status"] == 503
        assert headers_of(error)[b"retry-after"] == header


def test_only_an_invalid_input_has_errors() -> None:
    assert "errors" not in document_of(HttpProblem(HTTPStatus.NOT_FOUND, "Nothing here."))
    violation = Violation("/sex", "missing", "Is required.")
    assert (
        document_of(InvalidInput([violation] * 2))["errors"]
        == [{"pointer": "/sex", "code": "missing", "message": "Is required."}] * 2
    )


def test_a_handler_may_give_a_status_another_type_and_more_headers() -> None:
    kind = ProblemType("not-an-event", "Bad Request", "It carries no event.")
    error = HttpProblem(HTTPStatus.BAD_REQUEST, "It is a letter.", [(b"x-kind", b"letter")], problem_type=kind)
    assert document_of(error)["type"] == "urn:penguin-predictor:problem:not-an-event"
    assert headers_of(error)[b"x-kind"] == b"letter"
