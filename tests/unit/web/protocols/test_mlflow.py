from typing import Any

import pytest

from predictor import __version__
from predictor.penguin import SPECIES
from tests.support.asgi import Client
from tests.support.bundles import EXAMPLE

COLUMNS = {name: [value] for name, value in EXAMPLE.items()}


def frame(**changes: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": list(EXAMPLE), "data": [list(EXAMPLE.values())], **changes}}


@pytest.mark.parametrize(
    "body",
    [
        frame(),
        frame(index=[0]),
        frame(columns=list(EXAMPLE)[::-1], data=[list(EXAMPLE.values())[::-1]]),
        {"dataframe_records": [EXAMPLE]},
        {"instances": [EXAMPLE]},
        {"instances": [list(EXAMPLE.values())]},
        {"inputs": [EXAMPLE]},
        {"inputs": COLUMNS},
        {"inputs": EXAMPLE},
        {"inputs": COLUMNS, "params": None},
    ],
)
def test_every_form_of_a_row_gives_the_answer_of_a_batch(client: Client, body: dict[str, Any]) -> None:
    assert (
        client.post("/invocations", json=body).json() == client.post("/predict", json={"instances": [EXAMPLE]}).json()
    )


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=UTF-8"])
def test_a_table_is_read_as_a_file_is(client: Client, content_type: str) -> None:
    table = "\n".join([",".join([*EXAMPLE, "id"]), ",".join(map(str, [*EXAMPLE.values(), "a\\b"])), "1", ""])
    first, second = client.post("/invocations", content=table, headers={"Content-Type": content_type}).json()[
        "predictions"
    ]
    assert (first["id"], first["prediction"]) == ("a\\b", SPECIES[0])
    assert second["error"]["detail"] == "The input has 6 violations."


def test_a_table_of_several_blocks_is_one_answer(client: Client) -> None:
    rows = [",".join(map(str, EXAMPLE.values())) + "," + "x" * 400] * 900
    table = "\n".join([",".join([*EXAMPLE, "note"]), *rows])
    predictions = client.post("/invocations", content=table, headers={"Content-Type": "text/csv"}).json()["predictions"]
    assert [row["prediction"] for row in predictions] == ["Adelie"] * 900


def test_params_are_the_parameters(client: Client) -> None:
    assert client.post("/invocations", json={"inputs": COLUMNS, "params": {"details": False}}).json() == {
        "predictions": ["Adelie"]
    }


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"rows": []}, ""),
        ({"inputs": [], "instances": []}, ""),
        ({"dataframe_split": []}, "/dataframe_split"),
        (frame(columns=["sex", "sex"]), "/dataframe_split/columns"),
        ({"inputs": {"sex": ["male"], "island": []}}, "/inputs"),
        ({"inputs": COLUMNS, "params": 1}, "/params"),
        ({"inputs": [EXAMPLE] * 1001}, "/inputs"),
    ],
)
def test_an_error_has_mlflows_shape(client: Client, body: Any, pointer: str) -> None:
    response = client.post("/invocations", json=body)
    assert response.status_code == 422
    problem = response.json()
    assert problem["error_code"] == "INVALID_PARAMETER_VALUE"
    assert problem["message"].startswith("The input has 1 violation. ")
    assert [found["pointer"] for found in problem["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        ("", "text/csv", 422, "INVALID_PARAMETER_VALUE"),
        ("sex,island\n", "text/csv", 422, "INVALID_PARAMETER_VALUE"),
        ("\n".join([",".join(EXAMPLE), *["1"] * 1001]), "text/csv", 422, "INVALID_PARAMETER_VALUE"),
        ("", "text/csv; charset=latin-1", 415, "BAD_REQUEST"),
        ("", "application/vnd.apache.parquet", 415, "BAD_REQUEST"),
        ("{", "application/json", 400, "MALFORMED_REQUEST"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    client: Client, content: str, content_type: str, status: int, code: str
) -> None:
    response = client.post("/invocations", content=content, headers={"Content-Type": content_type})
    assert (response.status_code, response.json()["error_code"]) == (status, code)


def test_probes(client: Client) -> None:
    assert client.get("/ping").json() == {"status": "ready"}
    assert client.get("/version").text == __version__
