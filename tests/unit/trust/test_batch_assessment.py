"""A batch gets what its rows would get one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.batch import PenguinColumns
from predictor.penguin import SPECIES
from predictor.schema import COMBINATIONS, RANGES
from predictor.training.dataset import Dataset
from predictor.training.random_penguins import random_columns, ranges_of
from predictor.trust.assessment import Assessor
from predictor.trust.reference import Reference


def check(assessor: Assessor, columns: PenguinColumns, probabilities: "np.ndarray", coverage: float | None) -> int:
    rows = list(assessor.for_batches.assess(columns, probabilities, coverage).rows(SPECIES))
    for index, row in enumerate(rows):
        measurements = columns.measurements[index].tolist()
        categories = COMBINATIONS[columns.combinations[index]]
        assert row == assessor.assess(measurements, categories, probabilities[index].tolist(), coverage)
    return sum(row.abstain for row in rows)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), near=st.booleans(), coverage=st.sampled_from([None, 0.5, 0.8, 0.99, 0.995]))
def test_rows_of_a_batch_and_single_rows(
    assessor: Assessor, dataset: Dataset, seed: int, near: bool, coverage: float | None
) -> None:
    rng = np.random.default_rng(seed)
    columns = random_columns(rng, ranges_of(dataset.penguins) if near else RANGES, 30, 1)
    probabilities = rng.dirichlet([0.1] * len(SPECIES), 30)
    check(assessor, columns, probabilities, coverage)


def test_the_reference_birds_themselves(assessor: Assessor, dataset: Dataset) -> None:
    columns = PenguinColumns.of(dataset.penguins)
    probabilities = np.array([[float(name == row.label) for name in SPECIES] for row in dataset.rows])
    abstained = check(assessor, columns, probabilities, None)
    assert 0 < abstained < 0.05 * len(dataset.rows)


@pytest.mark.parametrize("sets", [True, False])
def test_an_empty_batch(assessor: Assessor, without_sets: Reference, sets: bool) -> None:
    chosen = assessor if sets else Assessor(without_sets, SPECIES)
    found = chosen.for_batches.assess(PenguinColumns.of([]), np.empty((0, len(SPECIES))), None)
    assert list(found.rows(SPECIES)) == []


def test_without_sets(without_sets: Reference, dataset: Dataset) -> None:
    columns = PenguinColumns.of(dataset.penguins[:50])
    probabilities = np.random.default_rng(1).dirichlet([0.1] * len(SPECIES), 50)
    check(Assessor(without_sets, SPECIES), columns, probabilities, None)
