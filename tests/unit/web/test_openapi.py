import json
from typing import Any, get_args

import pytest

from predictor import __version__
from predictor.bootstrap import App
from predictor.prediction import ProtocolName
from predictor.schema import FEATURES
from predictor.web.openapi import openapi_document, openapi_json
from predictor.web.problems import PROBLEM_TYPES
from predictor.web.protocols import ProtocolRoutes, Scorer
from tests.support.asgi import Client
from tests.support.bundles import EXAMPLE
from tests.support.json_schema import check_openapi, validator_of

PROTOCOLS: tuple[ProtocolName, ...] = get_args(ProtocolName)
CALLS: list[tuple[str, Any, str]] = [
    ("/predict", EXAMPLE, "PlainPrediction"),
    ("/predict?details=true", EXAMPLE, "DetailedPrediction"),
    ("/predict", {"instances": [{**EXAMPLE, "id": 7}, {}]}, "PredictionsAnswer"),
]


def schema_named(reference: dict[str, str]) -> dict[str, Any]:
    """A schema of the document, with those that it refers to."""
    return {**reference, "components": openapi_document()["components"]}


def test_the_document_is_valid_openapi_3_1() -> None:
    document = json.loads(openapi_json(protocols=PROTOCOLS))
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == __version__
    check_openapi(document)


def test_it_is_what_the_service_answers(client: Client) -> None:
    response = client.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == openapi_document(protocols=PROTOCOLS)


def test_every_path_for_callers_is_documented(app: App) -> None:
    documented = {(path, method.upper()) for path, item in openapi_document()["paths"].items() for method in item}
    served = {(path, method) for path, methods in app.web._routes.items() for method in methods}
    for_people = {("/docs", "GET"), ("/card", "GET"), ("/page", "POST")}
    assert served - documented == {("/openapi.json", "GET"), *for_people}
    assert documented <= served


def test_every_path_of_the_protocols_is_documented() -> None:
    document = openapi_document(protocols=PROTOCOLS)["paths"]
    documented = {
        (path, method.upper())
        for path in document.keys() - openapi_document()["paths"].keys()
        for method in document[path].keys() & {"get", "post"}
    }
    routes = ProtocolRoutes(Scorer(*[None] * 4), PROTOCOLS)  # type: ignore[arg-type]
    assert documented == {(route.path, method) for route in routes for method in route.methods or ()}


def test_a_protocol_that_is_switched_off_is_not_documented() -> None:
    paths = openapi_document(protocols=("v2",))["paths"]
    assert "/v2" in paths
    assert "/v1/models" not in paths


def test_every_type_of_problem_of_a_prediction_is_documented() -> None:
    responses = openapi_document()["paths"]["/predict"]["post"]["responses"]
    # 404 and 405 belong to paths and methods that are not documented.
    assert {str(status.value) for status in PROBLEM_TYPES} - {"404", "405"} == set(responses) - {"200"}


def test_the_penguin_is_described_by_the_model_that_validates_it() -> None:
    schema = openapi_document()["components"]["schemas"]["Penguin"]
    assert schema["required"] == list(FEATURES)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["body_mass_g"]["maximum"] == 50_000
    assert schema["examples"] == [EXAMPLE]


@pytest.mark.parametrize(("path", "body", "name"), CALLS)
def test_an_answer_is_valid_by_its_own_schema_and_by_no_other(
    client: Client, path: str, body: dict[str, Any], name: str
) -> None:
    answer = client.post(path, json=body).json()
    content = openapi_document()["paths"]["/predict"]["post"]["responses"]["200"]["content"]
    schemas = content["application/json"]["schema"]["oneOf"]
    valid = [schema["$ref"] for schema in schemas if validator_of(schema_named(schema)).is_valid(answer)]
    assert valid == [f"#/components/schemas/{name}"]


def test_members_that_may_be_left_out_are_never_null() -> None:
    members = openapi_document()["components"]["schemas"]["DetailedPrediction"]["properties"]
    assert members["coverage"]["type"] == "number"
    assert {"type": "null"} not in members["id"]["anyOf"]
    assert not [name for name, member in members.items() if "default" in member]


def test_the_example_of_a_422_is_a_real_answer() -> None:
    answer = openapi_document()["paths"]["/predict"]["post"]["responses"]["422"]
    example = answer["content"]["application/problem+json"]["example"]
    assert [error["code"] for error in example["errors"]] == ["wrong_type", "missing"]
    validator_of(schema_named({"$ref": "#/components/schemas/Problem"})).validate(example)


def test_a_token_is_declared_and_may_be_left_out() -> None:
    document = openapi_document()
    (scheme,) = document["components"]["securitySchemes"]
    assert document["security"] == [{}, {scheme: []}]


def test_predict_comes_first_and_every_operation_has_an_id_of_its_own() -> None:
    paths = openapi_document(feedback=True)["paths"]
    ids = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert (next(iter(paths)), ids[0]) == ("/predict", "predict")
    assert len(set(ids)) == len(ids)
