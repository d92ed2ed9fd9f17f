from typing import Any

import pytest

from predictor.bootstrap import build
from predictor.settings import Settings
from tests.support.asgi import Client
from tests.support.bundles import EXAMPLE, PublishedBundle

PREDICT = "/v1/models/penguin:predict"


def test_objects_and_arrays_in_feature_order_get_the_answers_of_a_batch(client: Client) -> None:
    instances = [EXAMPLE, list(EXAMPLE.values()), {**EXAMPLE, "sex": "?"}, [39.1], [*EXAMPLE.values(), 1], 3]
    answer = client.post(PREDICT, json={"instances": instances}).json()
    named = [dict(zip(EXAMPLE, row, strict=False)) if isinstance(row, list) else row for row in instances]
    named[4] = {**EXAMPLE, "6": 1}
    assert answer == client.post("/predict", json={"instances": named}).json()


def test_no_instances_give_no_predictions(client: Client) -> None:
    assert client.post(PREDICT, json={"instances": []}).json() == {"predictions": []}


def test_details_can_be_declined(client: Client) -> None:
    body = {"instances": [EXAMPLE, {}], "parameters": {"details": False}}
    first, second = client.post(PREDICT, json=body).json()["predictions"]
    assert first == "Adelie"
    assert second["error"]["detail"] == "The input has 6 violations."


def test_a_repeated_key_is_seen(client: Client) -> None:
    row = ", ".join(f'"{name}": {value!r}'.replace("'", '"') for name, value in [*EXAMPLE.items(), ("sex", "male")])
    body = f'{{"instances": [{{{row}}}]}}'
    (answer,) = client.post(PREDICT, content=body, headers={"Content-Type": "application/json"}).json()["predictions"]
    assert [found["code"] for found in answer["error"]["errors"]] == ["duplicate_key"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ([], "", "wrong_type"),
        ({}, "/instances", "missing"),
        ({"instances": {}}, "/instances", "wrong_type"),
        ({"instances": [], "rows": []}, "", "unknown_field"),
        ({"instances": [], "parameters": []}, "/parameters", "wrong_type"),
        ({"instances": [], "parameters": {"details": 1}}, "/parameters", "unknown_value"),
        ({"instances": [], "parameters": {"top_k": 1}}, "/parameters", "unknown_field"),
        ({"instances": [EXAMPLE] * 1001}, "/instances", "too_many"),
    ],
)
def test_an_error_has_the_protocols_shape_and_the_problems_members(
    client: Client, body: Any, pointer: str, code: str
) -> None:
    response = client.post(PREDICT, json=body)
    assert (response.status_code, response.headers["content-type"]) == (422, "application/json")
    problem = response.json()
    assert [(found["pointer"], found["code"]) for found in problem["errors"]] == [(pointer, code)]
    assert problem["error"].startswith("The input has 1 violation. ")
    assert problem["type"] == "urn:penguin-predictor:problem:invalid-input"


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b" " * 1_100_000, "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read_has_the_status_that_it_has_elsewhere(
    client: Client, content: bytes, content_type: str, status: int
) -> None:
    response = client.post(PREDICT, content=content, headers={"Content-Type": content_type})
    assert response.status_code == response.json()["status"] == status
    assert response.json()["error"] == response.json()["detail"]


def test_the_model_is_listed_and_ready_and_no_other_is(client: Client) -> None:
    assert client.get("/v1/models").json() == {"models": ["penguin"]}
    assert client.get("/v1/models/penguin").json() == {"name": "penguin", "ready": True}
    missing = client.post("/v1/models/ostrich:predict", json={})
    assert (missing.status_code, missing.json()["status"]) == (404, 404)
    assert missing.json()["error"]
    assert client.get(PREDICT).headers["allow"] == "POST, OPTIONS"


def test_vertex_ai_chooses_two_more_paths(bundle: PublishedBundle) -> None:
    env = {
        "AIP_STORAGE_URI": str(bundle.folder),
        "AIP_PREDICT_ROUTE": "/v1/endpoints/7/deployedModels/8:predict",
        "AIP_HEALTH_ROUTE": "/v1/endpoints/7/deployedModels/8",
    }
    client = Client(build(Settings.from_env(env)))
    assert client.get(env["AIP_HEALTH_ROUTE"]).json() == {"name": "penguin", "ready": True}
    body = {"instances": [EXAMPLE], "parameters": {"details": False}}
    assert client.post(env["AIP_PREDICT_ROUTE"], json=body).json() == {"predictions": ["Adelie"]}
