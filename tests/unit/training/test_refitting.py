"""Out-of-fold probabilities come from clones that have not seen the row; what cannot be refitted says why."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from predictor.errors import NotRefittable
from predictor.training.refitting import assign_folds, refit

FEATURES = np.random.default_rng(1).normal(size=(60, 2))
CLASSES = [index % 3 for index in range(60)]
FOLDS = assign_folds([str(index) for index in CLASSES])
NAMES = np.array(["a", "b", "c"])


def fitted(estimator: Any) -> Any:
    return estimator.fit(FEATURES, NAMES[CLASSES])


def test_no_row_is_scored_by_a_model_that_has_seen_it() -> None:
    nearest = fitted(KNeighborsClassifier(1))
    assert (nearest.predict(FEATURES) == NAMES[CLASSES]).all()
    probabilities = refit(nearest, FEATURES, CLASSES, FOLDS)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert (probabilities[np.arange(60), CLASSES] == 1).mean() < 0.6


def test_every_label_has_its_share_in_every_fold() -> None:
    labels = ["a"] * 30 + ["b"] * 15
    folds = assign_folds(labels)
    assert dict.fromkeys(zip(labels, folds, strict=True), 0).keys() == {
        (label, fold) for label in "ab" for fold in range(10)
    }
    assert max(assign_folds(["a"] * 30 + ["b"] * 3)) == 2


def test_a_label_with_one_row_cannot_be_left_out() -> None:
    with pytest.raises(NotRefittable, match="only one row with the label b"):
        assign_folds(["a", "a", "b"])


@pytest.mark.parametrize(
    "estimator",
    [
        FrozenEstimator(fitted(LogisticRegression())),
        make_pipeline(StandardScaler(), FrozenEstimator(fitted(LogisticRegression()))),
        CalibratedClassifierCV(FrozenEstimator(fitted(LogisticRegression()))),
    ],
    ids=["frozen", "frozen in a pipeline", "calibrated"],
)
def test_parts_that_a_clone_does_not_fit_anew_are_refused(estimator: Any) -> None:
    with pytest.raises(NotRefittable, match="FrozenEstimator that keeps what it was fitted on"):
        refit(fitted(estimator), FEATURES, CLASSES, FOLDS)


class FitsOnce(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types.
    """Can be fitted once."""

    classes_ = NAMES

    def fit(self, _features: Any, _labels: Any) -> "FitsOnce":
        raise MemoryError("too large")


def test_a_clone_that_cannot_be_fitted_says_why() -> None:
    with pytest.raises(NotRefittable, match=r"a clone of the FitsOnce cannot be fitted \(MemoryError: too large\)"):
        refit(FitsOnce(), FEATURES, CLASSES, FOLDS)
