"""Scaling and selecting columns, folded into the weights of the logistic regression behind them.

A pipeline of the two converts to a graph of some ten nodes, and ONNX Runtime takes time for each; folded it is one
multiplication. `python -m benchmarks.micro` measures the gain. `predictor.training.parity` checks that the answers are
the same, as for every form.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that reaches the regression: (x[source] - mean) / scale."""

    source: int
    mean: float = 0.0
    scale: float = 1.0


def fold(estimator: Any, columns: Sequence[str]) -> Any:
    """A logistic regression on `columns` with the answers of `estimator`; `estimator` itself where it cannot be folded.

    Sums are exact and everything else is done a number at a time, so that every processor gives the same weights.
    """
    if not isinstance(estimator, Pipeline) or not isinstance(estimator.steps[-1][1], LogisticRegression):
        return estimator
    reaching = _through([step for _, step in estimator.steps[:-1]], columns)
    if reaching is None:
        return estimator
    regression = estimator.steps[-1][1]
    weights = np.zeros((len(regression.coef_), len(columns)))
    intercepts = []
    for index, row in enumerate(regression.coef_.tolist()):
        for column, weight in zip(reaching, row, strict=True):
            weights[index, column.source] += weight / column.scale
        shifts = [-weight * column.mean / column.scale for column, weight in zip(reaching, row, strict=True)]
        intercepts.append(math.fsum([float(regression.intercept_[index]), *shifts]))
    folded = copy.deepcopy(regression)
    folded.coef_, folded.intercept_, folded.n_features_in_ = weights, np.array(intercepts), len(columns)
    return folded


def _through(steps: Sequence[Any], columns: Sequence[str]) -> list[_Column] | None:
    """What comes out of the steps; None where one of them is neither scaling nor selecting."""
    reaching = [_Column(index) for index in range(len(columns))]
    if len(steps) > 1:
        return None  # Scaled twice is rare, and parity would have to be proved of more arithmetic.
    for step in steps:
        changed = _select(step, columns) if isinstance(step, ColumnTransformer) else _scale(step, reaching)
        if changed is None:
            return None
        reaching = changed
    return reaching


def _select(step: ColumnTransformer, columns: Sequence[str]) -> list[_Column] | None:
    reaching: list[_Column] = []
    for _, transformer, chosen in step.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        if not isinstance(chosen, list | np.ndarray):
            return None  # A slice, a mask, a single name.
        sources = [columns.index(name) if isinstance(name, str) else int(name) for name in chosen]
        scaled = _scale(transformer, [_Column(source) for source in sources])
        if scaled is None or len(scaled) != len(chosen):
            return None
        reaching += scaled
    return reaching


def _scale(transformer: Any, columns: Sequence[_Column]) -> list[_Column] | None:
    if transformer == "passthrough" or (isinstance(transformer, FunctionTransformer) and transformer.func is None):
        return list(columns)
    if not isinstance(transformer, StandardScaler):
        return None
    zeros, ones = [0.0] * len(columns), [1.0] * len(columns)
    means = zeros if transformer.mean_ is None or not transformer.with_mean else transformer.mean_.tolist()
    scales = ones if transformer.scale_ is None else transformer.scale_.tolist()
    return [_Column(column.source, mean, scale) for column, mean, scale in zip(columns, means, scales, strict=True)]
