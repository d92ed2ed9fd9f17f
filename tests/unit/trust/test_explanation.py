"""Contributions are Shapley values: by their definition, and as shap computes them."""

import warnings
from collections.abc import Callable
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from predictor.batch import COMBINATION_INDEX, PenguinColumns
from predictor.models.features import FeatureEncoder
from predictor.penguin import SPECIES, Penguin
from predictor.schema import CATEGORIES, COMBINATIONS, FEATURES, MEASUREMENTS, categories_of, measurements_of
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import ENCODED
from predictor.trust.distance import Distance
from predictor.trust.explanation import Explainer, Explanation
from predictor.trust.reference import Bird, Reference

KINDS: dict[str, Callable[[], Any]] = {
    "linear": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": lambda: RandomForestClassifier(20, random_state=0, n_jobs=1),
    "xgboost": lambda: XGBClassifier(n_estimators=30, random_state=0, n_jobs=1),
}
Scores = Callable[[PenguinColumns], "np.ndarray[Any, np.dtype[np.float64]]"]


@pytest.fixture(scope="module")
def scores_of(dataset: Dataset) -> Callable[[str], Scores]:
    encoder = FeatureEncoder(ENCODED)

    @cache
    def make(kind: str) -> Scores:
        labels = [SPECIES.index(label) for label in dataset.labels]
        estimator = KINDS[kind]().fit(encoder.matrix(PenguinColumns.of(dataset.penguins)), labels)
        return lambda columns: np.asarray(estimator.predict_proba(encoder.matrix(columns)), dtype=np.float64)

    return make


@pytest.fixture(scope="module")
def explainer(reference: Reference) -> Explainer:
    return Explainer(reference, Distance(reference), SPECIES, whole=False)


def explained(explainer: Explainer, penguin: Penguin, scores: Scores, target: str = "Adelie") -> Explanation:
    return explainer.explain(measurements_of(penguin), categories_of(penguin), target, scores)


def mixed(penguin: Penguin, bird: Bird, taken: frozenset[str]) -> Penguin:
    other = dict(zip(FEATURES, (*bird.measurements, *bird.categories), strict=True))
    chosen = {name: getattr(penguin, name) if name in taken else other[name] for name in FEATURES}
    return Penguin.model_validate(chosen)


def test_they_are_the_mean_gain_over_all_orders_in_which_features_can_join(
    explainer: Explainer, reference: Reference, dataset: Dataset, scores_of: Callable[[str], Scores]
) -> None:
    penguin, scores = dataset.penguins[200], scores_of("linear")
    background = [reference.birds[index] for index in reference.background]

    @cache
    def value(taken: frozenset[str]) -> float:
        rows = PenguinColumns.of([mixed(penguin, bird, taken) for bird in background])
        return float(scores(rows)[:, 0].mean())

    gains = dict.fromkeys(FEATURES, 0.0)
    orders = list(permutations(FEATURES))
    for order in orders:
        for index, name in enumerate(order):
            gains[name] += value(frozenset(order[: index + 1])) - value(frozenset(order[:index]))
    found = explained(explainer, penguin, scores)
    assert found.baseline == pytest.approx(value(frozenset()), abs=1e-12)
    assert found.contributions == pytest.approx({name: gain / len(orders) for name, gain in gains.items()}, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_they_sum_to_the_probability_minus_the_baseline(
    explainer: Explainer, dataset: Dataset, scores_of: Callable[[str], Scores], kind: str
) -> None:
    for penguin in dataset.penguins[::60]:
        found = explained(explainer, penguin, scores_of(kind), "Gentoo")
        probability = float(scores_of(kind)(PenguinColumns.of([penguin]))[0, 2])
        assert sum(found.contributions.values()) == pytest.approx(probability - found.baseline, abs=1e-9)


def test_a_feature_that_the_model_does_not_use_adds_nothing(explainer: Explainer, dataset: Dataset) -> None:
    def scores(columns: PenguinColumns) -> "np.ndarray[Any, np.dtype[np.float64]]":
        heavy = columns.measurements[:, MEASUREMENTS.index("body_mass_g")] / 50_000
        return np.column_stack([heavy, 1 - heavy, heavy * 0])

    found = explained(explainer, dataset.penguins[0], scores)
    assert {name for name, value in found.contributions.items() if abs(value) > 1e-12} == {"body_mass_g"}


def test_the_neighbours_of_a_reference_bird_begin_with_itself(
    explainer: Explainer, dataset: Dataset, scores_of: Callable[[str], Scores]
) -> None:
    found = explained(explainer, dataset.penguins[300], scores_of("linear"))
    nearest, *others = found.neighbours
    assert nearest.bird.measurements == measurements_of(dataset.penguins[300])
    assert (nearest.distance, len(others)) == (0, 2)
    assert nearest.distance < others[0].distance <= others[1].distance


def as_numbers(penguin_or_bird: Penguin | Bird) -> list[float]:
    if isinstance(penguin_or_bird, Penguin):
        numbers, categories = measurements_of(penguin_or_bird), categories_of(penguin_or_bird)
    else:
        numbers, categories = penguin_or_bird.measurements, penguin_or_bird.categories
    pairs = zip(CATEGORIES.values(), categories, strict=True)
    return [*numbers, *(float(values.index(value)) for values, value in pairs)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_shap_computes_the_same(
    explainer: Explainer, reference: Reference, dataset: Dataset, scores_of: Callable[[str], Scores], kind: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap's own imports warn.
        import shap

    def scores(rows: "np.ndarray[Any, np.dtype[np.float64]]") -> "np.ndarray[Any, np.dtype[np.float64]]":
        values = [tuple(CATEGORIES.values())[index] for index in range(len(CATEGORIES))]
        categories = [
            COMBINATION_INDEX[tuple(names[int(number)] for names, number in zip(values, row[4:], strict=True))]
            for row in rows
        ]
        assert len(COMBINATIONS) > max(categories)
        return scores_of(kind)(PenguinColumns(rows[:, :4], np.array(categories)))[:, 1]

    background = np.array([as_numbers(reference.birds[index]) for index in reference.background])
    chosen = dataset.penguins[:: len(dataset.penguins) // 50][:50]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        masker = shap.maskers.Independent(background, max_samples=len(background))
        theirs = shap.ExactExplainer(scores, masker)(np.array([as_numbers(penguin) for penguin in chosen]))
    ours = [explained(explainer, penguin, scores_of(kind), "Chinstrap") for penguin in chosen]
    assert np.abs([list(item.contributions.values()) for item in ours] - theirs.values).max() < 1e-9
    assert np.abs([item.baseline for item in ours] - theirs.base_values).max() < 1e-9
