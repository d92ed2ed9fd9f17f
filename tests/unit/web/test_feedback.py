"""`POST /feedback`: counted beside the prediction, refused as on /predict, absent unless it is asked for."""

import json
from typing import Any

import pytest

from predictor.bootstrap import build
from predictor.settings import Settings
from predictor.web.openapi import openapi_document
from tests.support.asgi import Client, problem_of
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.logs import Log
from tests.support.traffic import bundle_with_reference

GOOD = {"penguin": EXAMPLE, "species": "Gentoo"}


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    return bundle_with_reference(tmp_path_factory.mktemp("with-reference"))


def client_of(bundle: PublishedBundle, *, feedback: bool = True) -> Client:
    return Client(build(Settings.from_env({**bundle.env, "FEEDBACK": str(feedback)}), count_traffic=True))


def test_feedback_is_counted_with_the_prediction_and_the_values_are_not_logged(
    published: PublishedBundle, log: Log
) -> None:
    settings = Settings.from_env({**published.env, "FEEDBACK": "true"})
    app = build(settings, count_traffic=True)
    client = Client(app)
    for _ in range(3):
        response = client.post("/feedback", json=GOOD)
        assert (response.status_code, response.json()) == (202, {"status": "counted"})
    assert client.post("/feedback", json={**GOOD, "species": "Adelie"}).status_code == 202
    model = app.models.get_blocking()
    assert model.traffic is not None
    model.traffic.flush()
    (line,) = log.lines("traffic_summary")
    assert line["feedback"] == {
        "pairs": {"Gentoo": {"Adelie": 3}, "Adelie": {"Adelie": 1}},
        "with_sets": 4,
        "covered": 1,
    }
    assert line["rows"] == 0, "what is told is not what was asked"
    assert "3750" not in log.text


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], {""}),
        ({}, {"/penguin", "/species"}),
        ({**GOOD, "species": "Emperor"}, {"/species"}),
        ({**GOOD, "species": ["Gentoo"]}, {"/species"}),
        ({**GOOD, "note": 1}, {"/note"}),
        ({**GOOD, "penguin": {**EXAMPLE, "body_mass_g": -1}}, {"/penguin/body_mass_g"}),
        ({"penguin": 5, "species": 5}, {"/penguin", "/species"}),
    ],
    ids=["no object", "empty", "other species", "no text", "more", "bad value", "wrong types"],
)
def test_bad_feedback_is_refused_with_all_violations(published: PublishedBundle, body: Any, pointers: set[str]) -> None:
    problem = problem_of(client_of(published).post("/feedback", json=body), 422)
    assert {error["pointer"] for error in problem["errors"]} == pointers


def test_a_repeated_member_is_refused(published: PublishedBundle) -> None:
    body = json.dumps(GOOD).removesuffix("}") + ', "species": "Adelie"}'
    response = client_of(published).post("/feedback", content=body, headers={"Content-Type": "application/json"})
    assert [error["code"] for error in problem_of(response, 422)["errors"]] == ["duplicate_key"]


def test_a_flood_of_unknown_members_is_cut_off(published: PublishedBundle) -> None:
    body = {**GOOD, **{f"x{number}": 0 for number in range(500)}}
    problem = problem_of(client_of(published).post("/feedback", json=body), 422)
    assert len(problem["errors"]) == 100
    assert "500 violations" in problem["detail"]


def test_there_is_no_feedback_unless_it_is_asked_for(published: PublishedBundle) -> None:
    problem_of(client_of(published, feedback=False).post("/feedback", json=GOOD), 404)
    assert "/feedback" not in openapi_document()["paths"]
    assert "/feedback" in client_of(published).get("/openapi.json").json()["paths"]


def test_a_model_without_a_reference_counts_nothing(bundle: PublishedBundle) -> None:
    problem = problem_of(client_of(bundle).post("/feedback", json=GOOD), 404)
    assert "without a reference" in problem["detail"]


def test_a_large_body_is_refused(published: PublishedBundle) -> None:
    body = json.dumps(GOOD) + " " * 70_000
    response = client_of(published).post("/feedback", content=body, headers={"Content-Type": "application/json"})
    problem_of(response, 413)
