"""Fisher's exact test: is a share of one group larger than that of another by more than chance explains?

It is exact for any counts, also for the few errors of a few requests, where a normal approximation is wrong. Under the
hypothesis that both groups have the same share, the p-value is at most `x` with a probability of at most `x`.
Source: R. A. Fisher, The Design of Experiments (1935), chapter II; the tail of the hypergeometric distribution.
"""

import math
from dataclasses import dataclass
from typing import Final

_NEGLIGIBLE: Final = 1e-18
"""Relative to the sum: terms beyond the first one that is smaller than this no longer change a double."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """`count` of `total`."""

    count: int
    total: int

    @property
    def share(self) -> float:
        """0 to 1; 0 of nothing is 0."""
        return self.count / self.total if self.total else 0.0


def p_larger(sample: Proportion, reference: Proportion) -> float:
    """The probability that chance alone gives `sample` at least this many, if both have the same share."""
    hits, total = sample.count + reference.count, sample.total + reference.total
    most = min(hits, sample.total)
    whole = _log_choose(total, sample.total)
    tail, largest = 0.0, 0.0
    for count in range(sample.count, most + 1):
        term = math.exp(
            _log_choose(hits, count) + _log_choose(total - hits, sample.total - count) - whole,
        )
        tail, largest = tail + term, max(largest, term)
        if term < largest * _NEGLIGIBLE:  # From the largest term on, each is smaller than the one before.
            break
    return min(1.0, tail)


def p_different(sample: Proportion, reference: Proportion) -> float:
    """The same for a share that is larger or smaller: twice the smaller tail."""
    smaller = Proportion(sample.total - sample.count, sample.total)
    larger = Proportion(reference.total - reference.count, reference.total)
    return min(1.0, 2 * min(p_larger(sample, reference), p_larger(smaller, larger)))


def _log_choose(total: int, chosen: int) -> float:
    """The natural logarithm of the number of ways to choose; minus infinity where there is none."""
    if not 0 <= chosen <= total:
        return -math.inf
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
