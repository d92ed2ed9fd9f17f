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
        ranks = np.searchsorted(self._scores, self.distances(columns), side="left")
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
        warnings: dict[int, tuple[AnswerWarning, ...]] = {}
        for index in np.flatnonzero(abstain).tolist():
            warnings[index] = assessor.warnings(
                columns.measurements[index].tolist(),
                COMBINATIONS[columns.combinations[index]],
                assessor.classes[best[index]],
                known=bool(known[index]),
                highest=float(highest[index]),
                several=several is not None and bool(several[index]),
            )
        return BatchAssessment(in_distribution, self._p_values[ranks], members, coverage, abstain, warnings)

    def distances(self, columns: PenguinColumns) -> "NDArray[np.float64]":
        """To the nearest group that each row's categories allow, shape (rows,)."""
        measured = [columns.measurements[:, index] for index in self._indexes]
        values = [np.log(column) if log else column for column, log in zip(measured, self._logs, strict=True)]
        points = []
        for index, row in enumerate(self._matrix):
            point = row[index] * values[index]
            for weight, value in zip(row[index + 1 :], values[index + 1 :], strict=True):
                point = point + weight * value
            points.append(point)
        nearest = np.full(len(columns), np.inf)
        for means in self._means:
            own = means.take(columns.combinations, axis=1)
            squares = (points[0] - own[0]) ** 2
            for point, mean in zip(points[1:], own[1:], strict=True):
                squares += (point - mean) ** 2
            np.minimum(nearest, squares, out=nearest)
        distances: NDArray[np.float64] = np.sqrt(nearest)
        return distances
