"""Trees of scikit-learn: decision trees, forests, and both kinds of gradient boosting."""

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier

from predictor.training.compile.thresholds import rounded_up_to
from predictor.training.compile.tree import LEAF, Tree, TreeModel, Unsupported


def decision_tree(estimator: Any) -> TreeModel:
    return forest_of([estimator])


def forest(estimator: Any) -> TreeModel:
    """A random forest or extra trees: the mean of their trees' probabilities."""
    return forest_of(estimator.estimators_)


def forest_of(estimators: Any) -> TreeModel:
    trees = [_probabilities(estimator).scaled(1 / len(estimators)) for estimator in estimators]
    return TreeModel(trees, base=(0.0,) * len(trees[0].values[0]))


def _probabilities(estimator: Any) -> Tree:
    if estimator.n_outputs_ != 1:
        raise Unsupported("it has several outputs")
    counts = estimator.tree_.value[:, 0, :]  # Shares since scikit-learn 1.3, numbers of samples before.
    return _tree(estimator.tree_, counts / counts.sum(axis=1, keepdims=True))


def _tree(tree: Any, values: "np.ndarray[Any, Any]") -> Tree:
    thresholds = rounded_up_to(np.asarray(tree.threshold, np.float64))
    lefts = tree.children_left.tolist()
    return Tree(
        columns=tree.feature.tolist(),
        thresholds=thresholds.tolist(),
        lefts=[left if left >= 0 else LEAF for left in lefts],
        rights=tree.children_right.tolist(),
        values=[tuple(row) for row in values.tolist()],
    )


def gradient_boosting(estimator: Any) -> TreeModel:
    if estimator.init_ != "zero" and type(estimator.init_) is not DummyClassifier:
        raise Unsupported("it begins with another model")
    factor = estimator.learning_rate
    rounds = estimator.estimators_
    grouped = [rounds[:, score] for score in range(rounds.shape[1])]
    trees = [_tree(item.tree_, item.tree_.value[:, 0, :] * factor) for group in grouped for item in group]
    model = _boosted(estimator, trees, rounds.shape[1])
    if estimator.loss != "exponential":
        return model
    # Its probability is the sigmoid of twice the score.
    return TreeModel([tree.scaled(2.0) for tree in trees], (2 * model.base[0],), "sigmoid", separate=True)


def hist_gradient_boosting(estimator: Any) -> TreeModel:
    if getattr(estimator, "_preprocessor", None) is not None:
        raise Unsupported("it has categorical columns")
    rounds = estimator._predictors
    scores = len(rounds[0])
    trees = [_hist_tree(trees[score].nodes) for score in range(scores) for trees in rounds]
    return _boosted(estimator, trees, scores)


def _hist_tree(nodes: Any) -> Tree:
    """Compares doubles by `<=`, as the form does."""
    if nodes["is_categorical"].any():
        raise Unsupported("it has categorical columns")
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        columns=nodes["feature_idx"].tolist(),
        thresholds=nodes["num_threshold"].tolist(),
        lefts=np.where(leaf, LEAF, nodes["left"].astype(np.int64)).tolist(),
        rights=nodes["right"].tolist(),
        values=[(value,) for value in nodes["value"].tolist()],
    )


def _boosted(estimator: Any, trees: list[Tree], scores: int) -> TreeModel:
    """What the scores begin with is what a row of zeros has besides its leaves."""
    zeros = [0.0] * estimator.n_features_in_
    names = getattr(estimator, "feature_names_in_", None)
    decision = np.atleast_1d(estimator.decision_function(_row(zeros, names))[0]).tolist()
    size = len(trees) // scores
    base = tuple(
        total - sum(tree.values[tree.leaf(zeros)][0] for tree in trees[score * size : (score + 1) * size])
        for score, total in enumerate(decision)
    )
    return TreeModel(trees, base, "sigmoid" if scores == 1 else "softmax", separate=True)


def _row(values: list[float], names: Any) -> Any:
    import pandas as pd

    return np.array([values]) if names is None else pd.DataFrame([values], columns=names)
