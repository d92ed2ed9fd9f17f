"""Residuals: whole thousandths of a standard deviation, around 0 for the reference rows themselves."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pytest

from predictor.penguin import SPECIES
from predictor.schema import COMBINATIONS, MEASUREMENTS, categories_of, measurements_of
from predictor.training.dataset import Dataset, LabelledRow
from predictor.training.reference import make_reference
from predictor.trust.reference import Reference
from predictor.trust.residuals import BINS, EDGES, LIMIT, SCALE, Residuals


def residuals_of(reference: Reference, rows: Sequence[LabelledRow]) -> list[list[int]]:
    """By measurement."""
    residuals = Residuals(reference)
    offsets = [residuals.offsets[row.label, categories_of(row.penguin)] for row in rows]
    values = [measurements_of(row.penguin) for row in rows]
    return residuals.of_columns(zip(*values, strict=True), zip(*offsets, strict=True))


def test_the_reference_rows_have_mean_0_and_standard_deviation_1(reference: Reference, dataset: Dataset) -> None:
    found = np.array(residuals_of(reference, dataset.rows))
    assert found.shape == (len(MEASUREMENTS), len(dataset.rows))
    assert found.mean(axis=1) / SCALE == pytest.approx(0, abs=0.001)
    groups = len(reference.groups)
    expected = math.sqrt((len(dataset.rows) - groups) / len(dataset.rows))
    assert found.std(axis=1) / SCALE == pytest.approx(expected, abs=0.001)


def test_one_absurd_value_counts_as_the_limit(reference: Reference) -> None:
    residuals = Residuals(reference)
    group = reference.groups[0]
    (categories, *_) = [values for values in COMBINATIONS if reference.group_of(group.label, values) == group]
    offsets = [(offset,) for offset in residuals.offsets[group.label, categories]]
    means = [math.exp(mean) for mean in group.means]
    assert residuals.of_columns([(mean,) for mean in means], offsets) == [[0]] * len(MEASUREMENTS)
    absurd = [(100 * mean if place == 0 else mean / 100,) for place, mean in enumerate(means)]
    assert residuals.of_columns(absurd, offsets) == [[LIMIT], *[[-LIMIT]] * (len(MEASUREMENTS) - 1)]


def test_a_class_without_reference_rows_has_no_offsets(dataset: Dataset) -> None:
    some = Dataset(tuple(row for row in dataset.rows if row.label != SPECIES[-1]), (), dataset.sha256)
    offsets = Residuals(make_reference(some, "not tried")).offsets
    assert {label for label, _ in offsets} == set(SPECIES[:-1])


def test_the_bins_are_tenths_of_a_normal_distribution() -> None:
    bounds = [0.0, *(NormalDist().cdf(edge / SCALE) for edge in EDGES), 1.0]
    assert np.diff(bounds) == pytest.approx([1 / BINS] * BINS, abs=0.001)
