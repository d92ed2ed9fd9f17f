import numpy as np
import pytest

from predictor.batch import PenguinColumns
from predictor.schema import COMBINATIONS, MEASUREMENTS, RANGES
from predictor.training.random_penguins import random_columns, ranges_of, to_penguins
from tests.support.bundles import random_penguins


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_generator_gives_the_same_penguins() -> None:
    one, same, other = (to_penguins(random_columns(generator(seed), RANGES, 100)) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_they_fill_the_ranges_and_have_every_combination() -> None:
    columns = random_columns(generator(), RANGES, 10_000)
    for place, (low, high) in enumerate(RANGES.values()):
        values = columns.measurements[:, place]
        assert low <= values.min() < low + (high - low) / 100
        assert high - (high - low) / 100 < values.max() <= high
    counts = np.bincount(columns.combinations, minlength=len(COMBINATIONS))
    assert counts.min() > 10_000 / len(COMBINATIONS) * 0.9


def test_rounding_does_not_lead_out_of_the_ranges() -> None:
    narrow = {name: (low + 0.04, low + 0.16) for name, (low, _) in RANGES.items()}
    columns = random_columns(generator(), narrow, 1000, decimals=1)
    low, high = np.array(list(narrow.values())).T
    assert ((columns.measurements >= low) & (columns.measurements <= high)).all()


def test_columns_and_penguins_say_the_same() -> None:
    columns = random_columns(generator(), RANGES, 50)
    again = PenguinColumns.of(to_penguins(columns))
    assert np.array_equal(again.measurements, columns.measurements)
    assert np.array_equal(again.combinations, columns.combinations)


@pytest.mark.parametrize("count", [1, 30])
def test_ranges_are_the_lowest_and_highest_that_there_are(count: int) -> None:
    penguins, _ = random_penguins(count, seed=3)
    found = ranges_of(penguins)
    assert tuple(found) == MEASUREMENTS
    masses = [penguin.body_mass_g for penguin in penguins]
    assert found["body_mass_g"] == (min(masses), max(masses))
