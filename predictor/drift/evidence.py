"""Evidence that counted traffic does not look like the reference rows, as e-values.

An e-value is a ratio of two probabilities of what was counted: under "something has changed" and under "nothing has".
If nothing has changed, it is at least 1/a with a probability of at most a, and so is a weighted mean of e-values,
however they depend on each other (Vovk and Wang, E-values, Annals of Statistics 49, 2021). The reference is itself a
sample: each denominator is the prediction of new rows from it, which allows for its error.

All functions return natural logarithms, because the ratios exceed a float's range. They work on one look (numbers) or
on many at once (arrays of the looks' shape).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import betaincc, betaln, gammaln

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

EFFECT_SD: Final = 0.35
"""How far the mean of a measurement typically moves when it does, in standard deviations within a group: the prior's
own standard deviation. The result depends on it little: with half or twice of it, log e falls by less than one."""
ALTERNATIVE_WEIGHT: Final = 0.1
"""A changed mix is expected to be like the reference's, as if that had only this share of its rows."""
_NO_ROWS: Final = 1e12
"""Stands for the infinite variance of a mean of no rows, which is evidence of nothing."""
_TINY: Final = 1e-300
"""Smaller probabilities are not told apart."""
TOLERATED_OUT_OF_RANGE: Final = 0.0025
"""The share of rows with a value out of its range that is taken as normal. The reference has none by construction."""


def of_means(means: "ArrayLike", variance: "ArrayLike", freedom: float) -> "Numbers":
    """For means of residuals: is each 0, or has it moved by a normally distributed amount?

    `means` in standard deviations as the reference estimates them, with `freedom` degrees of freedom; `variance` is
    what they have if nothing has changed, from the rows counted and from the reference's means. A normal mixture
    (Robbins, 1970); the estimated standard deviation makes the normal densities Student's (Jeffreys's test).
    """
    variance = np.minimum(np.asarray(variance, dtype=np.float64), _NO_ROWS)
    return _log_student(means, variance + EFFECT_SD**2, freedom) - _log_student(means, variance, freedom)


def _log_student(values: "ArrayLike", variance: "Numbers", freedom: float) -> "Numbers":
    """The log density without the terms that cancel."""
    squares = np.square(np.asarray(values, dtype=np.float64))
    found: Numbers = -0.5 * np.log(variance) - (freedom + 1) / 2 * np.log1p(squares / (freedom * variance))
    return found


def of_shares(counted: "ArrayLike", reference: "ArrayLike") -> "Numbers":
    """For counts by kind, along the last axis: Dirichlet-multinomial predictions.

    They are made from the reference's counts of the same kinds, in the same order, and Jeffreys's 1/2 for each.
    """
    prior = np.asarray(reference, dtype=np.float64) + 0.5
    counts = np.asarray(counted, dtype=np.float64)
    return _log_dirichlet_multinomial(counts, ALTERNATIVE_WEIGHT * prior) - _log_dirichlet_multinomial(counts, prior)


def _log_dirichlet_multinomial(counts: "Numbers", prior: "Numbers") -> "Numbers":
    """The log probability of a sequence with these counts."""
    whole = gammaln(prior.sum()) - gammaln(prior.sum() + counts.sum(axis=-1))
    found: Numbers = whole + (gammaln(prior + counts) - gammaln(prior)).sum(axis=-1)
    return found


def of_rare(counted: "ArrayLike", rows: "ArrayLike", tolerated: float = TOLERATED_OUT_OF_RANGE) -> "Numbers":
    """For a share that is at most `tolerated` if nothing is wrong: is it larger?

    Jeffreys's prior, cut off below `tolerated`, against the largest tolerated share. The ratio grows with the count, so
    that share is the worst case of all that are tolerated.
    """
    found, of = np.asarray(counted, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    a, b = found + 0.5, of - found + 0.5
    tail = betaincc(a, b, tolerated)
    above = betaln(a, b) + np.log(np.maximum(tail, _TINY)) - betaln(0.5, 0.5) - np.log(betaincc(0.5, 0.5, tolerated))
    log_e: Numbers = above - found * np.log(tolerated) - (of - found) * np.log1p(-tolerated)
    return np.where(tail < _TINY, np.log(_TINY), log_e)


def mean(log_evidence: "Sequence[Any] | Numbers", weights: Sequence[float] | None = None) -> "Numbers":
    """The log of the mean of e-values along the first axis. `weights` sum to 1; None: all the same."""
    stacked = np.stack(np.broadcast_arrays(*log_evidence))
    logs = np.full(len(stacked), -np.log(len(stacked))) if weights is None else np.log(weights)
    found: Numbers = np.logaddexp.reduce(stacked + logs.reshape(-1, *[1] * (stacked.ndim - 1)), axis=0)
    return found
