"""Residuals: how far measurements are from the mean of the predicted class, for rows of the same category.

They are what drift is looked for in: the mix of classes and sexes may change while the animals do not. They are whole
thousandths of a standard deviation, because sums of whole numbers do not depend on their order: any number of
instances that counted the same rows give the same sums.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Final

from predictor.schema import COMBINATIONS, Categories
from predictor.trust.reference import Reference

SCALE: Final = 1000
"""Residuals are counted in standard deviations, times this."""
LIMIT: Final = 5 * SCALE
"""Residuals further from 0 count as this, so that one absurd value does not move a mean by much."""
BINS: Final = 10
EDGES: Final = tuple(round(SCALE * NormalDist().inv_cdf(number / BINS)) for number in range(1, BINS))
"""Between the bins of histograms: the deciles of a normal distribution. A residual on an edge is in the upper bin."""


class Residuals:
    """Residuals with respect to a reference."""

    def __init__(self, reference: Reference) -> None:
        self._indexes = reference.indexes
        self.logs: Final = tuple(item.log for item in reference.measurements)
        self.factors: Final = tuple(SCALE / item.sd for item in reference.measurements)
        """From a transformed measurement (`Reference.transform`) to a residual: times this, minus the offset."""
        self.offsets: Final[dict[tuple[str, Categories], tuple[float, ...]]] = {
            (label, categories): tuple(
                mean * factor
                for mean, factor in zip(reference.group_of(label, categories).means, self.factors, strict=True)
            )
            for label in reference.labels
            for categories in COMBINATIONS
        }
        """By class and categories; nothing for a class that no reference row has."""

    def of_columns(self, columns: Iterable[Sequence[float]], offsets: Iterable[Sequence[float]]) -> list[list[int]]:
        """Of many rows, each column of MEASUREMENTS that the reference is about, with its rows' `offsets`."""
        found = []
        given = tuple(columns)
        measured = [given[index] for index in self._indexes]
        for column, own, log, factor in zip(measured, offsets, self.logs, self.factors, strict=True):
            transformed = map(math.log, column) if log else column
            # Called on the type: `round` looks the method up for every value, in twice the time.
            residuals = [
                float.__round__(value * factor - offset) for value, offset in zip(transformed, own, strict=True)
            ]
            found.append(residuals)
        if max(map(math.hypot, *found)) > LIMIT:  # At least as much as any of a row's residuals.
            found = [[min(max(value, -LIMIT), LIMIT) for value in column] for column in found]
        return found
