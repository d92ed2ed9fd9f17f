"""Prediction sets are those of crepes and MAPIE, apart from the most probable class, which ours always have."""

from typing import Any

import numpy as np
import pytest
from crepes import ConformalClassifier
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin

from predictor.penguin import SPECIES
from predictor.trust.assessment import Assessor
from predictor.trust.reference import Reference, Sets

COVERAGES = (0.8, 0.9, 0.95)
RNG = np.random.default_rng(1)
# Not 199: crepes compares p-values with 1 - coverage, which is not 0.2 for 0.8, and then 40 of 200 are more than that.
CALIBRATION = RNG.dirichlet([0.3] * 3, 197)
LABELS = np.array([RNG.choice(3, p=row) for row in CALIBRATION])
ROWS = RNG.dirichlet([0.3] * 3, 300)


@pytest.fixture(scope="module")
def ours(reference: Reference) -> Assessor:
    scores = tuple(sorted(CALIBRATION[np.arange(len(LABELS)), LABELS].tolist()))
    sets = Sets(scores=scores, folds=2, max_coverage=0.99)
    return Assessor(reference.model_copy(update={"sets": sets}), SPECIES)


def members(assessor: Assessor, coverage: float) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    bird = (39.1, 18.7, 181.0, 3750.0), ("male", "Torgersen")
    sets = [assessor.assess(*bird, row, coverage).prediction_set for row in ROWS.tolist()]
    return np.array([[name in (found or ()) for name in SPECIES] for found in sets])


def with_the_most_probable(theirs: Any) -> Any:
    theirs = np.array(theirs, dtype=bool)
    theirs[np.arange(len(ROWS)), ROWS.argmax(axis=1)] = True
    return theirs


@pytest.mark.parametrize("coverage", COVERAGES)
def test_crepes(ours: Assessor, coverage: float) -> None:
    classifier = ConformalClassifier()
    classifier.fit(1 - CALIBRATION[np.arange(len(LABELS)), LABELS])
    theirs = classifier.predict_set(1 - ROWS, confidence=coverage, smoothing=False)
    assert (members(ours, coverage) == with_the_most_probable(theirs)).all()


class Itself(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types.
    """Its features are its probabilities."""

    def fit(self, _features: Any, _labels: Any) -> "Itself":
        self.classes_ = np.arange(3)
        return self

    def predict_proba(self, features: Any) -> Any:
        return np.asarray(features)

    def predict(self, features: Any) -> Any:
        return self.predict_proba(features).argmax(axis=1)


@pytest.mark.parametrize("coverage", COVERAGES)
def test_mapie(ours: Assessor, coverage: float) -> None:
    estimator = Itself().fit(None, None)
    classifier = SplitConformalClassifier(estimator, confidence_level=coverage, prefit=True, conformity_score="lac")
    _, theirs = classifier.conformalize(CALIBRATION, LABELS).predict_set(ROWS)
    assert (members(ours, coverage) == with_the_most_probable(theirs[:, :, 0])).all()
