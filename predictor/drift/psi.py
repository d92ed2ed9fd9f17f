"""The population stability index, for those who expect it. It decides nothing: how often it is wrong depends on n."""

import math
from collections.abc import Sequence
from typing import Final

from scipy.stats import chi2

LIMIT: Final = 0.2
"""Above it, as the rule of thumb goes, a population has changed."""


def psi(counted: Sequence[int], reference: Sequence[int]) -> float:
    """The index of two histograms. Half a row is added to each bin, so that empty ones have a logarithm."""
    shares = [[(count + 0.5) / (sum(bins) + len(bins) / 2) for count in bins] for bins in (counted, reference)]
    return math.fsum((a - b) * math.log(a / b) for a, b in zip(*shares, strict=True))


def false_alarm_rate(counted: int, reference: int, bins: int) -> float:
    """How often the index exceeds LIMIT although nothing has changed, at these numbers of rows.

    Divided by 1/n + 1/m it has about a chi-squared distribution with bins - 1 degrees of freedom (Yurdakul, Statistical
    properties of the population stability index, 2018).
    """
    return float(chi2.sf(LIMIT / (1 / counted + 1 / reference), bins - 1))
