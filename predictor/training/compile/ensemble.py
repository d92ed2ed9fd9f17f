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

from predictor.models.compiled import Curve, Link
from predictor.training.compile import boosters, sklearn_trees
from predictor.training.compile.inputs import Inputs
from predictor.training.compile.splits import on_features
from predictor.training.compile.tree import TreeModel, Unsupported

_READERS: Final[Mapping[type[Any], Callable[[Any], TreeModel]]] = {
    DecisionTreeClassifier: sklearn_trees.decision_tree,
    ExtraTreeClassifier: sklearn_trees.decision_tree,
    RandomForestClassifier: sklearn_trees.forest,
    ExtraTreesClassifier: sklearn_trees.forest,
    GradientBoostingClassifier: sklearn_trees.gradient_boosting,
    HistGradientBoostingClassifier: sklearn_trees.hist_gradient_boosting,
}
_BOOSTERS: Final[Mapping[str, Callable[[Any], TreeModel]]] = {
    "XGBClassifier": boosters.xgboost,
    "XGBRFClassifier": boosters.xgboost,
    "LGBMClassifier": boosters.lightgbm,
    "LightGbmBooster": boosters.lightgbm,  # predictor.publishing.open_file
}
"""By name, since the libraries need not be installed."""


def tree_models(estimator: Any, inputs: Inputs) -> list[TreeModel]:
    """The models whose weighted probabilities are summed, on features. Raises `Unsupported`."""
    return _merged(_read(estimator, inputs))


def _read(estimator: Any, inputs: Inputs) -> list[TreeModel]:
    kind = type(estimator)
    # Exactly these classes: a subclass may answer otherwise.
    reader = _READERS.get(kind) or _BOOSTERS.get(kind.__name__)
    if reader is not None:
        return [on_features(reader(estimator), inputs)]
    if kind is Pipeline:
        *_, (_, last) = estimator.steps
        return _read(last, inputs.after(estimator[:-1]) if len(estimator.steps) > 1 else inputs)
    if kind in (GridSearchCV, RandomizedSearchCV):
        return _read(estimator.best_estimator_, inputs)
    if kind is VotingClassifier and estimator.voting == "soft":
        weights = estimator._weights_not_none or [1.0] * len(estimator.estimators_)
        parts = [_read(part, inputs) for part in estimator.estimators_]
        return [_weighted(m, w / sum(weights)) for part, w in zip(parts, weights, strict=True) for m in part]
    if kind is BaggingClassifier:
        return _bagged(estimator, inputs)
    if kind is CalibratedClassifierCV:
        return _calibrated(estimator, inputs)
    raise Unsupported("it is neither linear nor made of trees")


def _weighted(model: TreeModel, weight: float) -> TreeModel:
    return replace(model, weight=model.weight * float(weight))


def _bagged(estimator: Any, inputs: Inputs) -> list[TreeModel]:
    models = []
    for part, chosen in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        if len(part.classes_) != len(estimator.classes_):
            raise Unsupported("one of its members does not know all classes")
        found = _read(part, inputs.chosen([int(column) for column in chosen]))
        models += [_weighted(model, 1 / len(estimator.estimators_)) for model in found]
    return models


def _calibrated(estimator: Any, inputs: Inputs) -> list[TreeModel]:
    """Sigmoids or curves on the decision function where there is one, else on the probabilities."""
    if estimator.method not in ("sigmoid", "isotonic"):
        raise Unsupported(f"it is calibrated by {estimator.method}")
    parts = estimator.calibrated_classifiers_
    found = []
    for part in parts:
        models = _merged(_read(part.estimator, inputs))
        if len(models) != 1 or models[0].calibration:
            raise Unsupported("what it calibrates is made of several models")
        model = models[0]
        scored = hasattr(part.estimator, "decision_function")
        if scored:
            model = replace(model, link="none")
        if estimator.method == "isotonic":
            curves = tuple(_curve(calibrator) for calibrator in part.calibrators)
            model = replace(model, calibration=curves, calibration_link="normalized")
            found.append(replace(model, weight=1 / len(parts)))
            continue
        lines = tuple((-float(sigmoid.a_), -float(sigmoid.b_)) for sigmoid in part.calibrators)
        link: Link
        if scored:
            link = "sigmoid" if len(lines) == 1 else "shares"
        elif len(lines) == 1:
            lines, link = ((0.0, 0.0), *lines), "softmax"  # softmax(0, s) is the sigmoid of s.
        else:
            link = "shares"
        found.append(replace(model, calibration=lines, calibration_link=link, weight=1 / len(parts)))
    return found


def _curve(isotonic: Any) -> Curve:
    return tuple(zip(isotonic.X_thresholds_.tolist(), isotonic.y_thresholds_.tolist(), strict=True))


def _merged(models: list[TreeModel]) -> list[TreeModel]:
    """Models whose leaves are probabilities become one: each has its weight taken into its leaves."""
    means = [model for model in models if model.is_mean]
    if len(means) < 2 and not (means and means[0].weight != 1.0):
        return models
    trees = [tree.scaled(model.weight) for model in means for tree in model.trees]
    return [TreeModel(trees, means[0].base), *(model for model in models if not model.is_mean)]
