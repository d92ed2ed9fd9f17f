"""Every row of a batch is the document that orjson would write for it alone."""

import dataclasses
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from predictor.answers import batch_json, detailed_json, error_document, is_error_line, json_lines, plain_json
from predictor.errors import InvalidInput, MalformedJson, RowFailure, Violation, WideRow
from predictor.prediction import BatchPrediction, ModelIdentity, Prediction, prediction

CLASSES = ("Adelie", '100% "Chinstrap"', "Gentoo é")
MODEL = ModelIdentity("1%", "sha256:%b")
ERRORS: tuple[RowFailure, ...] = (
    InvalidInput([Violation("/sex", "missing", "Is required."), Violation("/é", "unknown_field", 'No "such" field.')]),
    MalformedJson("Expecting value at line 1 column 1"),
    WideRow(7, 6),
)


def batch_of(rows: list[int | None], seed: int = 1, classes: tuple[str, ...] = CLASSES) -> BatchPrediction:
    """An answer for each None, and for each number the error of that number."""
    valid = rows.count(None)
    probabilities = np.random.default_rng(seed).dirichlet([0.05] * len(classes), valid)
    errors = {place: ERRORS[row] for place, row in enumerate(rows) if row is not None}
    return BatchPrediction(MODEL, classes, probabilities, errors)


def documents(predictions: BatchPrediction, first_row: int | None = None) -> list[bytes]:
    """One document per row, each written by orjson from its own value."""
    written = []
    for number, row in enumerate(predictions):
        numbered: dict[str, Any] = {} if first_row is None else {"row": first_row + number}
        if isinstance(row, Prediction):
            values = (row.prediction, row.probability, row.probabilities, row.model)
            document = dict(zip(("prediction", "probability", "probabilities", "model"), values, strict=True))
        else:
            violations = row.violations if isinstance(row, InvalidInput) else []
            document = {"error": {"detail": str(row), "errors": violations}}
        written.append(orjson.dumps({**numbered, **document}))
    return written


_rows = st.lists(st.one_of(st.none(), st.integers(0, len(ERRORS) - 1)), max_size=30)


@settings(deadline=None)
@given(_rows, st.integers(0, 9), st.one_of(st.none(), st.integers(1, 10**9)))
@example([], 0, 1)
@example([0], 0, 1)
@example([None], 0, None)
@example([0, None, 1, 2, None, None, 0], 0, 5)
def test_lines_are_one_document_per_row(rows: list[int | None], seed: int, first_row: int | None) -> None:
    predictions = batch_of(rows, seed)
    expected = b"".join(document + b"\n" for document in documents(predictions, first_row))
    assert json_lines(predictions, first_row) == expected


@settings(deadline=None)
@given(_rows, st.integers(0, 9))
@example([], 0)
@example([0, 1], 0)
@example([None, 0], 0)
def test_a_batch_is_one_document_per_row_in_an_array(rows: list[int | None], seed: int) -> None:
    predictions = batch_of(rows, seed)
    assert batch_json(predictions) == b'{"predictions":[' + b",".join(documents(predictions)) + b"]}"


@pytest.mark.parametrize("classes", [("only",), ("a", "b"), tuple("abcdefgh")])
def test_any_number_of_classes_can_be_written(classes: tuple[str, ...]) -> None:
    predictions = batch_of([None, 0, None], classes=classes)
    assert json_lines(predictions, 1).splitlines() == documents(predictions, 1)


@pytest.mark.parametrize("numbers", [[1.0, 0.0, 0.0], [1e-300, 1.0, 5e-324], [1 / 3, 1 / 3, 1 / 3]])
def test_probabilities_at_the_edges_are_written_in_full(numbers: list[float]) -> None:
    predictions = BatchPrediction(MODEL, CLASSES, np.array([numbers]))
    (row,) = orjson.loads(batch_json(predictions))["predictions"]
    assert list(row["probabilities"].values()) == numbers
    assert row["probability"] == max(numbers)


def test_an_estimators_probabilities_may_lie_in_any_order_in_memory() -> None:
    # HistGradientBoostingClassifier gives them column by column.
    predictions = batch_of([None, 1, None, None])
    columns_first = dataclasses.replace(predictions, probabilities=np.asfortranarray(predictions.probabilities))
    assert batch_json(columns_first) == batch_json(predictions)


def test_a_single_answer_is_the_row_of_a_batch() -> None:
    probabilities = [0.25, 0.5, 0.25]
    single = detailed_json(prediction(MODEL, CLASSES, probabilities))
    assert batch_json(BatchPrediction(MODEL, CLASSES, np.array([probabilities]))) == (
        b'{"predictions":[' + single + b"]}"
    )


def test_a_plain_answer_is_the_class_alone() -> None:
    assert plain_json("Adelie") == b'{"prediction":"Adelie"}'
    assert orjson.loads(plain_json(CLASSES[1])) == {"prediction": CLASSES[1]}


@given(_rows)
def test_lines_of_errors_are_told_from_lines_of_predictions(rows: list[int | None]) -> None:
    lines = json_lines(batch_of(rows), 1).splitlines()
    assert [is_error_line(line) for line in lines] == [row is not None for row in rows]


def test_no_name_makes_a_prediction_look_like_an_error() -> None:
    odd = ('"error":{"detail":', "error", "b")
    lines = json_lines(batch_of([None, None, None], classes=odd), None).splitlines()
    assert not any(is_error_line(line) for line in lines)


def test_an_errors_document_lists_its_violations() -> None:
    assert orjson.loads(orjson.dumps(error_document(ERRORS[0]))) == {
        "error": {
            "detail": "The input has 2 violations.",
            "errors": [
                {"pointer": "/sex", "code": "missing", "message": "Is required."},
                {"pointer": "/é", "code": "unknown_field", "message": 'No "such" field.'},
            ],
        }
    }
    assert error_document(ERRORS[2]) == {"error": {"detail": str(ERRORS[2]), "errors": ()}}
