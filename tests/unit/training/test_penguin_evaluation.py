from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from predictor.training.dataset import Dataset
from predictor.training.penguin_evaluation import evaluate
from predictor.training.penguin_metrics import Evaluation
from predictor.training.penguin_pipeline import build


@pytest.fixture(scope="module")
def figures(dataset: Dataset) -> Evaluation:
    return evaluate(build, dataset, repeats=2)


def _lda_on_four_measurements() -> Pipeline:
    measurements = ColumnTransformer([("measurements", "passthrough", [0, 1, 2, 3])])
    return Pipeline([("measurements", measurements), ("lda", LinearDiscriminantAnalysis())])


def test_it_is_at_least_as_good_on_2009_as_a_discriminant_analysis_of_four_measurements(
    figures: Evaluation, dataset: Dataset
) -> None:
    simple = evaluate(_lda_on_four_measurements, dataset, folds=2, repeats=1)
    assert figures.later_year.birds == simple.later_year.birds == 117
    ours, theirs = (f.later_year.correct + f.later_year_unsexed.correct for f in (figures, simple))
    assert ours >= theirs
    assert ours >= 118


def test_a_bird_on_another_island_is_still_known(figures: Evaluation) -> None:
    assert figures.other_island.correct == pytest.approx(figures.accuracy.mean * figures.other_island.birds, abs=1)
    assert figures.metrics()["left_out_island_correct"] >= 145


def test_probabilities_are_calibrated(figures: Evaluation) -> None:
    assert figures.log_loss.mean < 0.02
    assert figures.calibration_error < 0.01
    assert sum(item.count for item in figures.reliability) == 2 * 333 * 3


def test_a_model_that_knows_nothing_looks_like_one(dataset: Dataset) -> None:
    prior: Callable[[], Any] = lambda: DummyClassifier(strategy="prior")  # noqa: E731  one expression, no name needed
    figures = evaluate(prior, dataset, folds=5, repeats=1)
    shares = np.array([146, 68, 119]) / 333
    assert figures.log_loss.mean == pytest.approx(-(shares * np.log(shares)).sum(), abs=0.01)
    assert figures.accuracy.mean == pytest.approx(146 / 333, abs=0.01)
    # It says the shares, and they come true: calibrated, and useless.
    assert figures.calibration_error < 0.01


def test_figures_are_the_same_every_time(figures: Evaluation, dataset: Dataset) -> None:
    assert evaluate(build, dataset, repeats=2) == figures
