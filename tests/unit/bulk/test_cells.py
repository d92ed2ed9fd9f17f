import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings

from predictor.batch import PenguinColumns
from predictor.bulk import cells
from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import Layout
from predictor.schema import FEATURES, MEASUREMENTS
from tests.support.csv_rows import EXAMPLES, GOOD, LAYOUT, cell_rows, expected, read_from
from tests.support.other_domain import run_with_fields


@settings(max_examples=60, deadline=None)
@given(cell_rows)
@example(EXAMPLES)
def test_every_row_is_read_as_it_would_be_alone(rows: list[list[str]]) -> None:
    assert read_from(read_cells(LAYOUT, rows)) == [expected(list(row)) for row in rows]


def test_features_are_taken_from_where_the_layout_has_them() -> None:
    layout = Layout({name: 2 * place + 1 for place, name in enumerate(FEATURES)}, 2 * len(FEATURES) + 1)
    row = [part for cell in GOOD for part in ("x", cell)]
    assert read_from(read_cells(layout, [[*row, "y"]])) == [expected(GOOD)]


NOT_PLAIN = ["", "x", "NA", "-1", "+1", "1e1", "nan", "null", "0x1", " 1", "٣", "1,2", ".", "1.2.3", "007", "1.", ".5"]


@pytest.mark.parametrize("cell", NOT_PLAIN)
def test_a_cell_that_is_no_plain_number_is_never_zero(cell: str) -> None:
    """For another domain 0 may be in range: such a cell must go to the row's own reading, which finds what it is."""
    assert np.isnan(cells._numbers([cell])).all()
    found = cells._numbers(["0", cell, "2.5", cell])
    assert np.isnan(found[[1, 3]]).all()
    assert found[[0, 2]].tolist() == [0.0, 2.5]


def test_a_long_cell_that_is_nearly_a_number_takes_no_time() -> None:
    """Ten thousand digits took three seconds, and ten times as many a hundred times as long."""
    started = time.process_time()
    batch = read_cells(LAYOUT, [["1" * 10_000 + "x", *GOOD[1:]]])
    assert time.process_time() - started < 1
    assert len(batch.errors) == 1


_OTHER_DOMAIN = """
from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import Layout
from predictor.bulk.csv_fast_path import read_lines

layout = Layout({"score": 0, "kind": 1}, 2)
rows = [["0", "a"], ["", "a"], ["zero", "b"], [".", "b"], ["1", "c"], ["0.5", "a name of more than 16 bytes"]]
for batch in (read_cells(layout, rows), read_lines(layout, "".join(",".join(row) + "\\n" for row in rows).encode())):
    print(batch.columns.measurements.tolist(), batch.columns.combinations.tolist())
    print({place: error.violations[0].code for place, error in batch.errors.items()})
"""


def test_where_zero_is_in_range_a_cell_without_a_number_is_still_an_error(tmp_path: Path) -> None:
    fields = ["score: Score", "kind: Literal['a', 'b', 'a name of more than 16 bytes']"]
    result = run_with_fields(fields, _OTHER_DOMAIN, tmp_path)
    read = "[[0.0], [0.5]] [0, 2]\n{1: 'missing', 2: 'wrong_type', 3: 'wrong_type', 4: 'unknown_value'}\n"
    assert (result.stdout, result.stderr) == (read * 2, "")


def test_plain_numbers_are_read_as_float_reads_them() -> None:
    generator = np.random.default_rng(1)
    texts = [f"{value:.{decimals}f}" for decimals in range(12) for value in generator.uniform(0, 50_000, 50)]
    assert cells._numbers(texts).tolist() == [float(text) for text in texts]


def test_errors_do_not_keep_the_frames_alive_that_raised_them() -> None:
    (error,) = read_cells(LAYOUT, [["x"] * len(MEASUREMENTS)]).errors.values()
    assert error.__traceback__ is None


def test_valid_rows_among_invalid_ones_keep_their_order() -> None:
    rows = [["x", *GOOD[1:]], [" 40 ", *GOOD[1:]], ["41", *GOOD[1:]], ["", *GOOD[1:]], ["42", *GOOD[1:]]]
    batch = read_cells(LAYOUT, rows)
    assert isinstance(batch.columns, PenguinColumns)
    assert batch.columns.measurements[:, 0].tolist() == [40.0, 41.0, 42.0]
    assert list(batch.errors) == [0, 3]
