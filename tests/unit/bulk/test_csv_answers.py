"""A scored row is the row itself, and behind it what orjson and the csv module would write for its answer."""

import csv
import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from predictor.batch import Batch
from predictor.bulk.chunk import Chunk, describe
from predictor.bulk.csv_answers import CsvAnswers
from predictor.bulk.csv_text import to_line
from predictor.errors import InvalidInput, RowFailure, Violation, WideRow
from predictor.models import LoadedModel
from predictor.penguin import Penguin
from predictor.prediction import BatchPrediction, ModelIdentity, Prediction
from tests.support.bundles import EXAMPLE

CLASSES = ("Adelie", 'the "big", one', "Gentoo é")
ERRORS: tuple[RowFailure, ...] = (
    InvalidInput([Violation("/sex", "missing", "Is required."), Violation("/a,b", "unknown_field", 'No "such".')]),
    WideRow(7, 6),
)
MODEL = LoadedModel(ModelIdentity("v1", "sha256:0"), SimpleNamespace(classes=CLASSES), None, {})  # type: ignore[arg-type]  # Only its classes are asked for.


def scored(rows: list[int | None], seed: int) -> tuple[Chunk, BatchPrediction]:
    """A chunk with an answer for each None, and for each number the error of that number."""
    penguins: list[Penguin | RowFailure] = [Penguin(**EXAMPLE) if row is None else ERRORS[row] for row in rows]
    batch = Batch.of(penguins)
    probabilities = np.random.default_rng(seed).dirichlet([0.05] * len(CLASSES), rows.count(None))
    texts = [to_line([f"row {number}", "a,b"]) for number in range(len(rows))]
    return Chunk(1, batch, texts), BatchPrediction(MODEL.identity, CLASSES, probabilities, batch.errors)


def cells(row: Prediction | RowFailure) -> list[str]:
    if isinstance(row, Prediction):
        numbers = [row.probability, *row.probabilities.values()]
        return [row.prediction, *(orjson.dumps(number).decode() for number in numbers), ""]
    return [""] * (len(CLASSES) + 2) + [describe(row)]


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, len(ERRORS) - 1)), max_size=30), st.integers(0, 9))
@example([], 0)
@example([0], 0)
@example([0, None, 1, None, None, 0], 0)
def test_each_row_gets_the_cells_of_its_answer(rows: list[int | None], seed: int) -> None:
    chunk, predictions = scored(rows, seed)
    expected = "".join(f"{text},{to_line(cells(row))}\n" for text, row in zip(chunk.texts, predictions, strict=True))
    assert CsvAnswers(MODEL).lines(chunk, predictions) == expected.encode()


def test_a_row_has_as_many_cells_as_the_header_and_reads_back() -> None:
    answers = CsvAnswers(MODEL)
    chunk, predictions = scored([None, 0, 1], 1)
    table: list[Any] = list(csv.reader(io.StringIO(answers.lines(chunk, predictions).decode(), newline="")))
    assert {len(row) for row in table} == {2 + len(answers.added)}
    assert [row[:2] for row in table] == [[f"row {number}", "a,b"] for number in range(3)]
    assert table[2][-1] == "The row has 7 cells, the header 6."


def test_the_added_columns_name_every_class() -> None:
    assert CsvAnswers(MODEL).added == (
        *("prediction", "probability"),
        *("probability_Adelie", 'probability_the "big", one', "probability_Gentoo é"),
        "error",
    )
