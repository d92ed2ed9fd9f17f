"""Assessing a batch column by column. Importing this module imports numpy."""

from typing import TYPE_CHECKING

import numpy as np

from predictor.batch import PenguinColumns
from predictor.prediction import AnswerWarning, BatchAssessment
from predictor.schema import COMBINATIONS
from predictor.trust.assessment import Assessor

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BatchAssessor:
    """What an `Assessor` says of single rows, for many rows at once. Does the same sums in the same order."""

    def __init__(self, assessor: Assessor) -> None:
        distance = assessor.distance
        self._assessor = assessor
        self._logs = distance.logs
        self._indexes = assessor.reference.indexes
        self._matrix = distance.matrix
        # Shape (classes of the reference, measurements, combinations).
        self._means = np.array([distance.means[values] for values in COMBINATIONS]).transpose(1, 2, 0).copy()
        self._by_measurement = np.array(distance.columns)
        self._norms = np.array(distance.norms)
        self._scores = np.array(distance.scores)
        self._p_values = np.array(distance.p_values)
        # Whether reference rows of a class have the categories, shape (classes of the model, combinations).
        self._seen = np.array(
            [[not assessor.unseen(label, values) for values in COMBINATIONS] for label in assessor.classes]
        )

    def assess(
        self, columns: PenguinColumns, probabilities: "NDArray[np.float64]", coverage: float | None
    ) -> BatchAssessment:
        """`probabilities`: shape (rows, classes). `coverage` as in `Assessor.assess`."""
        assessor = self._assessor
        rows = len(columns)
        points = self._points(columns)
        ranks = np.searchsorted(self._scores, self._distances(points, columns), side="left")
        known = ranks < assessor.distance.known_below
        best = probabilities.argmax(axis=1)
        highest = probabilities[np.arange(rows), best]
        in_distribution = known & self._seen[best, columns.combinations]
        least, coverage = assessor.smallest_probability(coverage)
        unsure = highest < assessor.unsure_below
        members = several = None
        if least is not None:
            members = probabilities >= least
            members[np.arange(rows), best] = True
            several = members.sum(axis=1) > 1
            unsure |= several
        abstain = unsure | ~in_distribution
        unlike = np.flatnonzero(~known)
        unusual = dict(zip(unlike.tolist(), self._most_unusual(points, columns, unlike), strict=True))
        warnings: dict[int, tuple[AnswerWarning, ...]] = {}
        for index in np.flatnonzero(abstain).tolist():
            warnings[index] = assessor.warnings(
                columns.measurements[index].tolist(),
                COMBINATIONS[columns.combinations[index]],
                assessor.classes[best[index]],
                unusual.get(index),
                highest=float(highest[index]),
                several=several is not None and bool(several[index]),
            )
        return BatchAssessment(in_distribution, self._p_values[ranks], members, coverage, abstain, warnings)

    def distances(self, columns: PenguinColumns) -> "NDArray[np.float64]":
        """To the nearest group that each row's categories allow, shape (rows,)."""
        return self._distances(self._points(columns), columns)

    def _points(self, columns: PenguinColumns) -> "list[NDArray[np.float64]]":
        """The coordinates of each row, of shape (rows,)."""
        measured = [columns.measurements[:, index] for index in self._indexes]
        values = [np.log(column) if log else column for column, log in zip(measured, self._logs, strict=True)]
        points = []
        for index, row in enumerate(self._matrix):
            point = row[index] * values[index]
            for weight, value in zip(row[index + 1 :], values[index + 1 :], strict=True):
                point = point + weight * value
            points.append(point)
        return points

    def _distances(self, points: "list[NDArray[np.float64]]", columns: PenguinColumns) -> "NDArray[np.float64]":
        nearest = np.full(len(columns), np.inf)
        for means in self._means:
            own = means.take(columns.combinations, axis=1)
            squares = (points[0] - own[0]) ** 2
            for point, mean in zip(points[1:], own[1:], strict=True):
                squares += (point - mean) ** 2
            np.minimum(nearest, squares, out=nearest)
        distances: NDArray[np.float64] = np.sqrt(nearest)
        return distances

    def _most_unusual(
        self, points: "list[NDArray[np.float64]]", columns: PenguinColumns, rows: "NDArray[np.intp]"
    ) -> list[str]:
        """For each of these rows, the measurement that `Distance.most_unusual` finds."""
        if not len(rows):
            return []
        # Shape (classes of the reference, coordinates, rows), and then (classes, measurements, rows).
        gaps = np.array(points)[:, rows] - self._means.take(columns.combinations[rows], axis=2)
        falls = np.einsum("mc,kcr->kmr", self._by_measurement, gaps) ** 2 / self._norms[:, np.newaxis]
        left = (gaps**2).sum(axis=1, keepdims=True) - falls
        best = left.reshape(-1, len(rows)).argmin(axis=0) % len(self._norms)
        return [self._assessor.distance.names[index] for index in best.tolist()]
