"""Arithmetic on measurements: quantiles, and the ratio of two contenders over the rounds that both took part in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted values lie (nearest rank); NaN of nothing."""
    if not ordered:
        return math.nan
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and the extremes it was taken from."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        if not values:
            return None
        return cls(median(values), min(values), max(values), len(values))


def ratio(values: Sequence[float], base: Sequence[float]) -> Spread | None:
    """The spread of value over base, round by round: what both had to put up with in a round cancels out.

    A figure measured once (an install size, say) stands for every round.
    """
    if not values or not base:
        return None
    rounds = max(len(values), len(base))
    if len(values) not in (1, rounds) or len(base) not in (1, rounds):
        return None
    return Spread.of([values[i % len(values)] / base[i % len(base)] for i in range(rounds) if base[i % len(base)]])
