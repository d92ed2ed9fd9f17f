"""Answers in another format than `predict FILE` writes: the same rows and values."""

import csv
import io
import json
from typing import Any

import orjson
import pyarrow
import pytest
from pyarrow.parquet import read_table, write_table

from predictor.artifacts import open_store
from predictor.beam import Format, Part, score_part
from predictor.models import LoadedModel, load_model
from predictor.schema import FEATURES
from predictor.training.dataset import DATA_FILE
from tests.support.bundles import EXAMPLE, PublishedBundle

ADDED = ("prediction", "probability", "probability_Adelie", "probability_Chinstrap", "probability_Gentoo", "error")


@pytest.fixture(scope="module")
def model(bundle: PublishedBundle) -> LoadedModel:
    return load_model(open_store(str(bundle.folder)), pin=bundle.digest, choice="auto", deadline=float("inf"))


def parquet(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    write_table(pyarrow.Table.from_pylist(rows), file)
    return file.getvalue()


def answers(model: LoadedModel, data: bytes, file_format: Format | None) -> list[dict[str, Any]]:
    scored = score_part(model, Part("in", "out", data), file_format)
    assert scored.unusable is None
    assert scored.name.partition(".")[2] == (file_format or "csv")
    if file_format == "parquet":
        rows: list[dict[str, Any]] = read_table(io.BytesIO(scored.answers)).to_pylist()
        return rows
    if file_format == "ndjson":
        return [json.loads(line) for line in scored.answers.splitlines()]
    return list(csv.DictReader(io.StringIO(scored.answers.decode(), newline="")))


def as_cell(value: Any) -> Any:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


@pytest.mark.parametrize("file_format", ["ndjson", "parquet"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_gives_the_same_columns_and_values(model: LoadedModel, file_format: Format, separator: str) -> None:
    rows = [[*row, 'a "note"'] for row in csv.reader(DATA_FILE.read_text().splitlines())]
    rows[7][-1] = f"cells with{separator}and\na line end"
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(rows)
    data = text.getvalue().encode()
    scored = score_part(model, Part("in", "out", data)).answers.decode()
    expected = list(csv.DictReader(io.StringIO(scored, newline=""), delimiter=separator))
    given = answers(model, data, file_format)
    assert len(given) == len(expected) == 344
    for row, cells in zip(given, expected, strict=True):
        assert list(row) == list(cells)
        for name, value in row.items():
            if isinstance(value, float):
                assert value == float(cells[name]), name
            else:
                assert as_cell(value) == cells[name], name


def test_parquet_keeps_the_types_that_it_came_with_and_the_added_columns_have_theirs(model: LoadedModel) -> None:
    rows = [{"number": 1, "tags": ["a", "b"], **EXAMPLE}, {"number": None, "tags": [], **EXAMPLE, "sex": None}]
    scored = score_part(model, Part("in", "out", parquet(rows)), "parquet")
    table = read_table(io.BytesIO(scored.answers))
    assert table.select(list(rows[0])).to_pylist() == rows
    types = {name: str(table.schema.field(name).type) for name in table.column_names if name not in rows[0]}
    assert [types[name] for name in ADDED] == ["string", "double", "double", "double", "double", "string"]
    assert set(types.values()) <= {"string", "double", "bool"}
    assert table["prediction"].to_pylist() == ["Adelie", None]
    assert table["error"].to_pylist() == [None, "sex: Is required."]
    assert [row["number"] for row in answers(model, parquet(rows), "ndjson")] == [1, None]


def test_a_part_without_an_error_has_the_types_of_one_with_errors(model: LoadedModel) -> None:
    def types(*rows: dict[str, Any]) -> Any:
        data = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        return read_table(io.BytesIO(score_part(model, Part("in", "out", data), "parquet").answers)).schema

    assert types(EXAMPLE) == types(EXAMPLE, {}) == types({}) == types({"id": 7, **EXAMPLE})


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_documents_become_a_table_with_their_ids(model: LoadedModel, file_format: Format) -> None:
    data = b"%s\n{}\n" % orjson.dumps({"id": 7, "note": "x", **EXAMPLE})
    first, second = answers(model, data, file_format)
    assert [name for name in first if name in ("id", *ADDED)] == ["id", *ADDED]
    assert (first["id"], first["prediction"]) == ("7", "Adelie")
    assert not second["id"]
    assert second["error"].startswith("bill_length_mm: Is required; ")
    without = answers(model, b"%s\n" % orjson.dumps(EXAMPLE), file_format)
    assert list(without[0]) == list(first)


def test_documents_as_ndjson_are_what_predict_writes(model: LoadedModel) -> None:
    part = Part("in", "out", orjson.dumps(EXAMPLE))
    assert score_part(model, part, "ndjson") == score_part(model, part)


def test_rows_of_another_width_keep_their_error(model: LoadedModel) -> None:
    data = ",".join([*FEATURES, "note"]).encode() + b"\n39.1,18.7\n39.1,18.7,181,3750,male,Torgersen,a,b,c\n"
    narrow, wide = answers(model, data, "parquet")
    assert (narrow["bill_depth_mm"], narrow["note"]) == ("18.7", None)
    assert "flipper_length_mm: Is required" in narrow["error"]
    assert wide["note"] == "a"
    assert "9" in wide["error"]


def test_two_columns_of_one_name_are_refused(model: LoadedModel) -> None:
    data = ",".join([*FEATURES, "note", "note"]).encode() + b"\n39.1,18.7,181,3750,male,Torgersen,a,b\n"
    scored = score_part(model, Part("in", "out", data), "parquet")
    assert (
        scored.unusable == "the file has two columns 'note', which only CSV can hold; rename one, or use --format csv"
    )
    assert score_part(model, Part("in", "out", data)).unusable is None
