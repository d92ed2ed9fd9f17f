"""From scores to probabilities: for one penguin in plain Python, for many in numpy, with the same arithmetic."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from predictor.models.compiled.form import Curve, Line, Link, Member

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_POWERS: Final = ("softmax", "sigmoid")
_NOTHING: Final = 1e-8
"""A smaller value of a curve counts as 0. It comes of a score that is rounded otherwise than scikit-learn's, at a point
where the curve is 0; over the sum of such values it would be a probability of its own."""


class StraightLine:
    """What a sigmoid of a score is a sigmoid of: slope times score, plus intercept."""

    def __init__(self, line: Line) -> None:
        self._slope, self._intercept = line

    def __call__(self, score: float) -> float:
        return self._slope * score + self._intercept

    def of_batch(self, scores: "NDArray[np.float64]") -> "NDArray[np.float64]":
        return self._slope * scores + self._intercept


class PiecewiseLinear:
    """A curve. The arithmetic is that of `numpy.interp`, which scikit-learn's `IsotonicRegression` calls."""

    def __init__(self, curve: Curve) -> None:
        self._starts = [x for x, _ in curve]
        slopes = [(after - before) / (end - start) for (start, before), (end, after) in pairwise(curve)]
        self._pieces = [(*curve[0], 0.0), *((x, y, slope) for (x, y), slope in zip(curve, [*slopes, 0.0], strict=True))]

    def __call__(self, score: float) -> float:
        x, y, slope = self._pieces[bisect_right(self._starts, score)]
        return slope * (score - x) + y

    def of_batch(self, scores: "NDArray[np.float64]") -> "NDArray[np.float64]":
        import numpy as np

        x, y, slope = np.array(self._pieces)[np.searchsorted(self._starts, scores, side="right")].T
        result: NDArray[np.float64] = slope * (scores - x) + y
        return result


def calibrators(member: Member) -> Sequence[StraightLine | PiecewiseLinear]:
    """What the last scores of the member go through, one by one; empty without a calibration."""
    if member.curves:
        return [PiecewiseLinear(curve) for curve in member.curves]
    return [StraightLine(line) for line in member.lines]


def probabilities(link: Link, scores: Sequence[float]) -> Sequence[float]:
    """The probabilities of one penguin."""
    if link == "none":
        return scores
    if link in _POWERS:
        if link == "sigmoid":
            scores = (0.0, *scores)
        highest = max(scores)
        shares = [math.exp(score - highest) for score in scores]
    elif link == "shares":
        shares = [_sigmoid(score) for score in scores]
    else:
        shares = [score if score > _NOTHING else 0.0 for score in scores]
        if len(shares) == 1:
            shares.insert(0, 1.0 - shares[0])
    total = sum(shares)
    # Scores that are all 0 in double: nothing speaks for any class, and scikit-learn answers likewise.
    return [share / total for share in shares] if total else [1.0 / len(shares)] * len(shares)


def _sigmoid(score: float) -> float:
    power = math.exp(-abs(score))
    return (1.0 if score >= 0 else power) / (1.0 + power)


def batch_probabilities(link: Link, scores: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Of many penguins: `scores` and the result have a row per score or class."""
    import numpy as np

    if link == "none":
        return scores
    if link == "normalized":
        shares = np.where(scores > _NOTHING, scores, 0.0)
        if len(shares) == 1:
            shares = np.concatenate([1.0 - shares, shares])
    elif link == "shares":
        powers = np.exp(-np.abs(scores))
        shares = np.where(scores >= 0, 1.0, powers) / (1.0 + powers)
    else:
        if link == "sigmoid":
            scores = np.concatenate([np.zeros_like(scores), scores])
        shares = np.exp(scores - scores.max(axis=0))
    total = shares.sum(axis=0)
    if total.all():
        result: NDArray[np.float64] = shares / total
        return result
    return np.where(total > 0, shares, 1.0) / np.where(total > 0, total, len(shares))
