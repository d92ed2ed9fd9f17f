"""What publishing writes of the labelled rows: the closed forms against refitting, and small or odd data."""

from dataclasses import replace

import numpy as np
import pytest

from predictor.schema import CATEGORIES, MEASUREMENTS
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import FittedModel
from predictor.training.reference import (
    candidates,
    choose_grouping,
    fit_groups,
    group_keys,
    grouping_values,
    leave_one_out,
    make_reference,
    reference_of,
    transform,
)
from predictor.trust.reference import Reference


def subset(dataset: Dataset, step: int) -> Dataset:
    return replace(dataset, rows=dataset.rows[::step])


def test_leaving_a_row_out_in_closed_form_is_fitting_without_it(dataset: Dataset) -> None:
    rows = dataset.rows[::4]
    keys, values, transformed = group_keys(rows, "sex"), grouping_values(rows, "sex"), transform(rows)
    scores = leave_one_out(keys, values, transformed, fit_groups(keys, transformed))
    for index in range(0, len(rows), 9):
        others = [other for other in range(len(rows)) if other != index]
        fit = fit_groups([keys[other] for other in others], transformed[others])
        gaps = [transformed[index] - mean for mean in candidates(fit, values[index]).values()]
        expected = min(float(gap @ fit.precision @ gap) for gap in gaps) ** 0.5
        assert scores[index] == pytest.approx(expected, rel=1e-6)


def test_sex_splits_the_species_and_island_does_not(dataset: Dataset) -> None:
    assert choose_grouping(dataset.rows, transform(dataset.rows)) == "sex"


def test_a_category_that_changes_nothing_splits_nothing(dataset: Dataset) -> None:
    rng = np.random.default_rng(1)
    values = CATEGORIES["sex"]
    rows = [
        replace(row, penguin=row.penguin.model_copy(update={"sex": values[int(rng.integers(len(values)))]}))
        for row in dataset.rows
    ]
    assert choose_grouping(rows, transform(rows)) is None


def test_the_scores_are_those_of_models_that_have_not_seen_the_row(model: FittedModel, dataset: Dataset) -> None:
    reference = reference_of(model, dataset)
    assert reference.sets is not None
    assert (reference.sets.folds, len(reference.sets.scores)) == (10, 333)
    assert reference.sets.max_coverage == 0.995
    fitted = model.probabilities(dataset.penguins).max(axis=1)
    assert np.mean(reference.sets.scores) < fitted.mean()


def test_a_small_reference_supports_less_coverage(model: FittedModel, dataset: Dataset) -> None:
    reference = reference_of(model, subset(dataset, 10))
    assert reference.sets is not None
    assert reference.sets.max_coverage == pytest.approx(0.971)
    assert reference.sets.smallest_probability(reference.sets.max_coverage) == reference.sets.scores[0]


def test_a_reference_of_a_few_rows_is_usable(dataset: Dataset) -> None:
    reference = make_reference(subset(dataset, 60), "not tried")
    assert Reference.from_bytes(reference.to_bytes()) == reference
    assert all(np.isfinite(reference.scores))


def test_measurements_that_depend_on_each_other_are_usable(dataset: Dataset) -> None:
    rows = tuple(
        replace(row, penguin=row.penguin.model_copy(update={"body_mass_g": 20 * row.penguin.flipper_length_mm}))
        for row in dataset.rows
    )
    reference = make_reference(replace(dataset, rows=rows), "not tried")
    assert all(np.isfinite(reference.scores))


def test_the_background_has_every_group_in_proportion(dataset: Dataset) -> None:
    reference = make_reference(dataset, "not tried")
    birds = [reference.birds[index] for index in reference.background]
    assert len(birds) == 64
    for group in reference.groups:
        share = sum(bird.label == group.label and group.value in bird.categories for bird in birds)
        assert abs(share - 64 * group.rows / reference.rows) <= 1


def test_a_large_reference_keeps_some_of_its_birds(dataset: Dataset) -> None:
    large = replace(dataset, rows=dataset.rows * 3)
    reference = make_reference(large, "not tried")
    assert (reference.rows, len(reference.birds), len(reference.scores)) == (999, 400, 999)
    assert max(reference.background) < 400
    assert {item.name for item in reference.measurements} == set(MEASUREMENTS)
