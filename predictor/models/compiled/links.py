"""From scores to probabilities: for one penguin in plain Python, for many in numpy, with the same arithmetic."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from predictor.models.compiled.form import Link

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def probabilities(link: Link, scores: Sequence[float]) -> Sequence[float]:
    """The probabilities of one penguin."""
    if link == "none":
        return scores
    if link == "shares":
        shares = [_sigmoid(score) for score in scores]
    else:
        if link == "sigmoid":
            scores = (0.0, *scores)
        highest = max(scores)
        shares = [math.exp(score - highest) for score in scores]
    total = sum(shares)
    # Sigmoids that are all 0 in double: nothing speaks for any class, and scikit-learn answers likewise.
    return [share / total for share in shares] if total else [1.0 / len(shares)] * len(shares)


def _sigmoid(score: float) -> float:
    power = math.exp(-abs(score))
    return (1.0 if score >= 0 else power) / (1.0 + power)


def batch_probabilities(link: Link, scores: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Of many penguins: `scores` and the result have a row per score or class."""
    import numpy as np

    if link == "none":
        return scores
    if link == "shares":
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
