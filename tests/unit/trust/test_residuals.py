"""Residuals: whole thousandths of a standard deviation, around 0 for the reference rows themselves."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from predictor.penguin import SPECIES
from predictor.schema import COMBINATIONS, MEASUREMENTS, categories_of, measurements_of
from predictor.training.dataset import Dataset
from predictor.training.reference import make_reference
from predictor.trust.reference import Reference
from predictor.trust.residuals import BINS, EDGES, LIMIT, SCALE, Residuals


def test_the_reference_rows_have_mean_0_and_standard_deviation_1(reference: Reference, dataset: Dataset) -> None:
    residuals = Residuals(reference)
    found = np.array(
        [
            residuals.of(row.label, reference.transform(measurements_of(row.penguin)), categories_of(row.penguin))
            for row in dataset.rows
        ]
    )
    assert found.shape == (len(dataset.rows), len(MEASUREMENTS))
    assert found.mean(axis=0) / SCALE == pytest.approx(0, abs=0.001)
    groups = len(reference.groups)
    expected = math.sqrt((len(dataset.rows) - groups) / len(dataset.rows))
    assert found.std(axis=0) / SCALE == pytest.approx(expected, abs=0.001)


def test_one_absurd_value_counts_as_the_limit(reference: Reference) -> None:
    residuals = Residuals(reference)
    group = reference.groups[0]
    (categories, *_) = [values for values in COMBINATIONS if reference.group_of(group.label, values) == group]
    assert residuals.of(group.label, group.means, categories) == [0] * len(MEASUREMENTS)
    absurd = [mean + (10 if place == 0 else -10) for place, mean in enumerate(group.means)]
    assert residuals.of(group.label, absurd, categories) == [LIMIT, *[-LIMIT] * (len(MEASUREMENTS) - 1)]


def test_a_class_without_reference_rows_has_none(dataset: Dataset) -> None:
    some = Dataset(tuple(row for row in dataset.rows if row.label != SPECIES[-1]), (), dataset.sha256)
    reference = make_reference(some, "not tried")
    residuals = Residuals(reference)
    assert residuals.of(SPECIES[-1], reference.groups[0].means, COMBINATIONS[0]) is None
    assert residuals.of(SPECIES[0], reference.groups[0].means, COMBINATIONS[0]) is not None


def test_the_bins_are_tenths_of_a_normal_distribution() -> None:
    bounds = [0.0, *(NormalDist().cdf(edge / SCALE) for edge in EDGES), 1.0]
    assert np.diff(bounds) == pytest.approx([1 / BINS] * BINS, abs=0.001)
