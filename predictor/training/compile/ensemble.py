"""Models made of trees, and models made of those: pipelines, soft votes, bagging, calibration."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from predictor.models.compiled import Link
from predictor.training.compile import boosters, sklearn_trees
from predictor.training.compile.columns import through
from predictor.training.compile.tree import TreeModel, Unsupported

_READERS: Final[Mapping[type[Any], Callable[[Any], TreeModel]]] = {
    DecisionTreeClassifier: sklearn_trees.decision_tree,
    ExtraTreeClassifier: sklearn_trees.decision_tree,
    RandomForestClassifier: sklearn_trees.forest,
    ExtraTreesClassifier: sklearn_trees.forest,
    GradientBoostingClassifier: sklearn_trees.gradient_boosting,
    HistGradientBoostingClassifier: sklearn_trees.hist_gradient_boosting,
}
_BOOSTERS: Final[Mapping[tuple[str, str], Callable[[Any], TreeModel]]] = {
    ("xgboost", "XGBClassifier"): boosters.xgboost,
    ("xgboost", "XGBRFClassifier"): boosters.xgboost,
    ("lightgbm", "LGBMClassifier"): boosters.lightgbm,
}
"""By module and name, since the libraries need not be installed."""


def tree_models(estimator: Any, columns: tuple[str, ...]) -> list[TreeModel]:
    """The models whose weighted probabilities are summed. Raises `Unsupported`."""
    return _merged(_read(estimator, columns))


def _read(estimator: Any, columns: tuple[str, ...]) -> list[TreeModel]:
    kind = type(estimator)
    # Exactly these classes: a subclass may answer otherwise.
    reader = _READERS.get(kind) or _BOOSTERS.get((kind.__module__.partition(".")[0], kind.__name__))
    if reader is not None:
        return [reader(estimator)]
    if kind is Pipeline:
        *_, (_, last) = estimator.steps
        if len(estimator.steps) == 1:
            return _read(last, columns)
        # The names of what comes out of the steps do not matter to trees, which count columns.
        before = estimator[:-1]
        return through(before, _read(last, columns), columns)
    if kind in (GridSearchCV, RandomizedSearchCV):
        return _read(estimator.best_estimator_, columns)
    if kind is VotingClassifier and estimator.voting == "soft":
        weights = estimator._weights_not_none or [1.0] * len(estimator.estimators_)
        parts = [_read(part, columns) for part in estimator.estimators_]
        return [_weighted(m, w / sum(weights)) for part, w in zip(parts, weights, strict=True) for m in part]
    if kind is BaggingClassifier:
        return _bagged(estimator, columns)
    if kind is CalibratedClassifierCV:
        return _calibrated(estimator, columns)
    raise Unsupported("it is neither linear nor made of trees")


def _weighted(model: TreeModel, weight: float) -> TreeModel:
    return replace(model, weight=model.weight * float(weight))


def _bagged(estimator: Any, columns: tuple[str, ...]) -> list[TreeModel]:
    models = []
    for part, chosen in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        if len(part.classes_) != len(estimator.classes_):
            raise Unsupported("one of its members does not know all classes")
        places = [int(place) for place in chosen]
        for model in _read(part, tuple(columns[place] for place in places)):
            trees = [replace(tree, columns=[places[max(column, 0)] for column in tree.columns]) for tree in model.trees]
            models.append(_weighted(replace(model, trees=trees), 1 / len(estimator.estimators_)))
    return models


def _calibrated(estimator: Any, columns: tuple[str, ...]) -> list[TreeModel]:
    """A sigmoid on the decision function where there is one, else on the probabilities."""
    if estimator.method != "sigmoid":
        raise Unsupported(f"it is calibrated by {estimator.method}")
    parts = estimator.calibrated_classifiers_
    found = []
    for part in parts:
        models = _merged(_read(part.estimator, columns))
        if len(models) != 1 or models[0].calibration:
            raise Unsupported("what it calibrates is made of several models")
        lines = tuple((-float(sigmoid.a_), -float(sigmoid.b_)) for sigmoid in part.calibrators)
        model = models[0]
        link: Link
        if hasattr(part.estimator, "decision_function"):
            model = replace(model, link="none")
            link = "sigmoid" if len(lines) == 1 else "shares"
        elif len(lines) == 1:
            lines, link = ((0.0, 0.0), *lines), "softmax"  # softmax(0, s) is the sigmoid of s.
        else:
            link = "shares"
        found.append(replace(model, calibration=lines, calibration_link=link, weight=1 / len(parts)))
    return found


def _merged(models: list[TreeModel]) -> list[TreeModel]:
    """Models whose leaves are probabilities become one: each has its weight taken into its leaves."""
    means = [model for model in models if model.is_mean]
    if len(means) < 2 and not (means and means[0].weight != 1.0):
        return models
    trees = [tree.scaled(model.weight) for model in means for tree in model.trees]
    return [TreeModel(trees, means[0].base), *(model for model in models if not model.is_mean)]
