"""Linear models: weights and intercepts, behind a softmax."""

import math
from typing import Any, Final

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from predictor.models.compiled import LinearForm
from predictor.schema import MEASUREMENTS, RANGES
from predictor.training.compile.inputs import Inputs
from predictor.training.compile.tree import Unsupported

LINEAR: Final = (LogisticRegression, LinearDiscriminantAnalysis)
_SAME: Final = 1e-9


def linear_form(estimator: Any, inputs: Inputs) -> LinearForm:
    """The form of one of LINEAR, with the steps in front of it folded into its weights. Raises `Unsupported`.

    Where there are two classes, the first has weights of 0: softmax(0, s) is the sigmoid of s. Sums are exact and
    everything else is done a number at a time, so that every processor gives the same weights.
    """
    rows, intercepts = estimator.coef_.tolist(), estimator.intercept_.tolist()
    if getattr(estimator, "multi_class", "auto") == "ovr" and len(rows) > 1:
        raise Unsupported("it answers sigmoids over their sum")  # scikit-learn before 1.8.
    if len(rows) == 1:
        rows, intercepts = [[0.0] * len(rows[0]), *rows], [0.0, *intercepts]
    terms: dict[str, list[list[float]]] = {}
    constants: list[list[float]] = [[intercept] for intercept in intercepts]
    for column, weights in enumerate(zip(*rows, strict=True)):
        numbers, constant = _numbers(inputs, column)
        for name, number in numbers.items():
            per_class = terms.setdefault(name, [[] for _ in rows])
            for found, weight in zip(per_class, weights, strict=True):
                found.append(weight * number)
        for found, weight in zip(constants, weights, strict=True):
            found.append(weight * constant)
    return LinearForm(
        columns=tuple(terms),
        weights=tuple(tuple(map(math.fsum, per_class)) for per_class in terms.values()),
        intercepts=tuple(map(math.fsum, constants)),
    )


def _numbers(inputs: Inputs, column: int) -> tuple[dict[str, float], float]:
    """What a column of the estimator is: a sum of columns of the form, each times a number, and a constant."""
    source = inputs.sources[column]
    if source.feature is None:
        return {}, source.constant
    if source.feature not in MEASUREMENTS:
        return {f"{source.feature}_{value}": number for value, number in source.numbers.items()}, 0.0
    low, high = RANGES[source.feature]
    tried = np.array([low, (low + high) / 2, high])
    first, middle, last = inputs.moved([column] * 3, tried, [source.feature] * 3).tolist()
    if abs((first + last) / 2 - middle) > _SAME * max(abs(first), abs(last)):
        raise Unsupported(f"a step changes {source.feature} otherwise than by a factor and a shift")
    slope = (last - first) / (high - low)
    return {source.feature: slope}, first - slope * low
