import numpy as np

from predictor.batch import Batch, PenguinColumns, in_range
from predictor.errors import InvalidInput, MalformedJson, RowFailure
from predictor.penguin import Penguin
from predictor.schema import COMBINATIONS, MEASUREMENTS, RANGES, categories_of, measurements_of
from tests.support.bundles import random_penguins


def test_columns_hold_each_penguin_in_its_place() -> None:
    penguins, _ = random_penguins(50, seed=1)
    columns = PenguinColumns.of(penguins)
    assert len(columns) == 50
    assert columns.measurements.dtype == np.float64
    assert [tuple(row) for row in columns.measurements.tolist()] == [measurements_of(penguin) for penguin in penguins]
    found = [COMBINATIONS[place] for place in columns.combinations.tolist()]
    assert found == [categories_of(penguin) for penguin in penguins]


def test_no_penguins_are_columns_of_no_rows() -> None:
    columns = PenguinColumns.of([])
    assert len(columns) == 0
    assert columns.measurements.shape == (0, len(MEASUREMENTS))


def test_the_ends_of_ranges_are_in_range_and_nan_is_not() -> None:
    low, high = np.array(list(RANGES.values())).T
    rows = [low, high, low - 1e-9, high + 1e-9, low]
    rows[4] = np.where(np.arange(len(low)) == 2, np.nan, low)
    assert in_range(np.array(rows)).tolist() == [True, True, False, False, False]


def test_a_batch_has_its_errors_in_their_places() -> None:
    (first, second), _ = random_penguins(2, seed=2)
    one, other = MalformedJson("no reason"), InvalidInput([])
    rows: list[Penguin | RowFailure] = [one, first, other, second]
    batch = Batch.of(rows)
    assert len(batch) == 4
    assert list(batch.errors.items()) == [(0, one), (2, other)]
    assert np.array_equal(batch.columns.measurements, PenguinColumns.of([first, second]).measurements)


def test_a_batch_of_columns_has_no_errors() -> None:
    columns = PenguinColumns.of(random_penguins(3, seed=3)[0])
    assert (len(Batch(columns)), dict(Batch(columns).errors)) == (3, {})
