"""How far a row is from the reference rows, and how unusual that is.

The distance is Mahalanobis's, to the nearest group that the row's categories allow; its p-value is conformal: the share
of reference rows that are at least as far from the others (Vovk, Gammerman, Shafer 2005, section 2.2). In pure
Python; `predictor.trust.batch_assessment` does the same for many rows.
"""

import math
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from operator import mul, sub
from typing import Final

from predictor.artifacts import REFERENCE_FILE
from predictor.errors import UnloadableModel
from predictor.schema import COMBINATIONS, MEASUREMENTS, Categories
from predictor.trust.reference import Reference

_DECIMALS: Final = 6


class Distance:
    """Distances to the groups of a reference, and their p-values.

    Measurements are mapped to coordinates in which the pooled covariance is the identity. There the distance is the
    Euclidean one.
    """

    def __init__(self, reference: Reference) -> None:
        self.logs: Final = [item.log for item in reference.measurements]
        self.names: Final = [item.name for item in reference.measurements]
        plain = all(self.logs) and len(self.logs) == len(MEASUREMENTS)
        self._transform = _logarithms if plain else reference.transform
        try:
            self.matrix: Final = _transposed_cholesky(reference.precision)
        except (ValueError, ZeroDivisionError) as error:
            raise UnloadableModel(REFERENCE_FILE, "precision: it is no inverse of a covariance") from error
        self.columns: Final = list(zip(*self.matrix, strict=True))
        self.norms: Final = [_sum_of_products(column, column) for column in self.columns]
        means = {group.means: self.coordinates(group.means) for group in reference.groups}
        self.means: Final[dict[Categories, list[tuple[float, ...]]]] = {
            values: [means[reference.group_of(label, values).means] for label in reference.labels]
            for values in COMBINATIONS
        }
        """The groups that a row with these categories may belong to, one per class, as coordinates of their means."""
        self.scores: Final = reference.scores
        self.furthest: Final = reference.scores[-1]
        """The distance of the reference row that is furthest from the others."""
        count = len(reference.scores)
        self.p_values: Final = [round((count + 1 - rank) / (count + 1), _DECIMALS) for rank in range(count + 1)]
        """By how many reference rows are nearer to the others."""
        self.known_below: Final = sum(
            (count + 1 - rank) / (count + 1) >= reference.threshold for rank in range(count + 1)
        )
        """A row is unlike the reference where at least so many reference rows are nearer to the others."""

    def coordinates(self, transformed: Sequence[float]) -> tuple[float, ...]:
        """Of transformed measurements (`Reference.transform`)."""
        return tuple([_sum_of_products(row, transformed) for row in self.matrix])

    def of(self, measurements: Sequence[float], categories: Categories) -> float:
        """The distance of one row."""
        point = self.coordinates(self._transform(measurements))
        return min([math.dist(point, mean) for mean in self.means[categories]])

    def rank(self, distance: float) -> int:
        """How many reference rows are nearer to the others; the index of its p-value in `p_values`."""
        return bisect_left(self.scores, distance)

    def most_unusual(self, measurements: Sequence[float], categories: Categories) -> str:
        """The measurement without which the row would be nearest to the reference rows.

        Leaving one out lowers the squared distance by (P r)_j^2 / P_jj, where r is the difference from the mean and P
        the precision matrix: what is left is the distance in the other measurements, by the block inverse of P.
        """
        point = self.coordinates(self._transform(measurements))
        best, name = math.inf, self.names[0]
        for mean in self.means[categories]:
            gaps = list(map(sub, point, mean))
            whole = _sum_of_products(gaps, gaps)
            for index, measurement in enumerate(self.names):
                fall = _sum_of_products(self.columns[index], gaps) ** 2 / self.norms[index]
                if whole - fall < best:
                    best, name = whole - fall, measurement
        return name


def _logarithms(measurements: Sequence[float]) -> list[float]:
    return list(map(math.log, measurements))


if sys.version_info >= (3, 12):
    _sum_of_products: Callable[[Iterable[float], Iterable[float]], float] = math.sumprod  # A third of the time.
else:

    def _sum_of_products(first: Iterable[float], second: Iterable[float]) -> float:
        total: float = sum(map(mul, first, second))
        return total


def _transposed_cholesky(matrix: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
    """The upper triangular U with U'U = `matrix`, which is positive definite."""
    size = len(matrix)
    rows: list[list[float]] = []
    for index in range(size):
        row = [0.0] * size
        for other in range(index, size):
            row[other] = matrix[index][other] - sum(above[index] * above[other] for above in rows)
        root = math.sqrt(row[index])
        rows.append([value / root for value in row])
    return [tuple(row) for row in rows]
