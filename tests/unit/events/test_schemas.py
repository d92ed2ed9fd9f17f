"""The schema files are what the models say, and what is published keeps to them."""

import json
from typing import Any

import pytest

from predictor.errors import Unscorable
from predictor.events.documents import ObjectReference
from predictor.events.message import Message
from predictor.events.schemas import FOLDER, files
from predictor.events.scoring import read_rows, reject, result, score
from predictor.models import LoadedModel
from tests.support.events import BAD_ROW, ROW
from tests.support.json_schema import validator_of

MESSAGE = Message("1", "//source", b'{"instances": [' + ROW + b"," + BAD_ROW + b"]}", {"a": "1"})
OBJECT = ObjectReference(bucket="b", name="birds.csv", generation="17", result_uri="gs://r/birds.csv.scored.ndjson")


@pytest.mark.parametrize("name", files())
def test_the_schema_files_are_what_the_models_say(name: str) -> None:
    assert (FOLDER / name).read_text() == files()[name], "run: python -m predictor.events.schemas"


@pytest.fixture
def published(model: LoadedModel) -> dict[str, list[dict[str, Any]]]:
    rows = read_rows(MESSAGE, max_data_bytes=10_000, max_rows=5)
    of_object = result(model, MESSAGE, rows=9, rejected_rows=1, predictions=[], scored_object=OBJECT)
    bad_object = reject(MESSAGE, Unscorable("bad_rows", "Bad."), row_numbers=[1, 7], bad_object=OBJECT)
    return {
        "result": [json.loads(body) for body in (score(model, MESSAGE, rows).body, of_object.body)],
        "reject": [json.loads(body) for body in (reject(MESSAGE, Unscorable("no_data", "No.")).body, bad_object.body)],
    }


@pytest.mark.parametrize("kind", ["result", "reject"])
def test_what_is_published_keeps_to_the_json_schema(kind: str, published: dict[str, list[dict[str, Any]]]) -> None:
    validator = validator_of(json.loads((FOLDER / f"{kind}.schema.json").read_text()))
    for document in published[kind]:
        validator.validate(document)


@pytest.mark.parametrize("kind", ["result", "reject"])
def test_what_is_published_fits_the_columns_of_the_table(kind: str, published: dict[str, list[dict[str, Any]]]) -> None:
    columns = json.loads((FOLDER / f"{kind}.table.json").read_text())
    for document in published[kind]:
        assert misfits(document, columns) == []


def test_the_comparison_with_the_columns_finds_what_would_not_fit() -> None:
    columns = json.loads((FOLDER / "result.table.json").read_text())
    found = misfits({"id": 5, "rows": "many", "predictions": [{"row": 0, "sure": True}], "stray": 1}, columns)
    assert {"stray", "id", "rows", "predictions.sure", "model", "source"} <= set(found)


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "INTEGER": (int,),
    "FLOAT": (float, int),
    "BOOLEAN": (bool,),
}


def misfits(document: dict[str, Any], columns: list[dict[str, Any]], path: str = "") -> list[str]:
    """What a BigQuery subscription with --use-table-schema would refuse: unknown, missing or wrongly typed fields."""
    by_name = {column["name"]: column for column in columns}
    found = [f"{path}{name}" for name in document if name not in by_name]
    for name, column in by_name.items():
        if name not in document:
            found += [f"{path}{name}"] if column["mode"] == "REQUIRED" else []
            continue
        repeated = column["mode"] == "REPEATED"
        values = document[name] if repeated else [document[name]]
        for value in values:
            if column["type"] == "RECORD":
                found += misfits(value, column["fields"], f"{path}{name}.")
            elif not isinstance(value, _PYTHON_TYPES[column["type"]]):
                found.append(f"{path}{name}")
    return found
