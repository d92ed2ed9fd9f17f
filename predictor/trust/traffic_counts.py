"""Counts and sums of rows and their predictions: everything in them is a whole number, and adds up over processes."""

import math
import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial, reduce
from itertools import compress, product, repeat
from operator import add, mul, not_, sub
from typing import TYPE_CHECKING, Any, Final

from predictor.errors import InvalidInput, RowFailure
from predictor.schema import CATEGORIES, COMBINATIONS
from predictor.trust.residuals import BINS, EDGES, LIMIT, SCALE, Residuals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from predictor.batch import PenguinColumns
    from predictor.trust.assessment import Assessor
    from predictor.trust.traffic import CountedRow

_CERTAINTY: Final = 0.98
"""Of a squared distance: more than residuals lose by being whole numbers."""


class TrafficCounts:
    """Counts since the last `clear`."""

    def __init__(self, assessor: "Assessor") -> None:
        self._reference: Final = assessor.reference
        self._names: Final = [item.name for item in assessor.reference.measurements]
        self._residuals: Final = Residuals(assessor.reference)
        distance = assessor.distance
        self._distance: Final = distance
        self._furthest_known: Final = assessor.reference.scores[distance.known_below - 1]
        # A cell is a predicted class and a combination of categories, as one number.
        self._cell_kinds: Final = list(product(assessor.classes, COMBINATIONS))
        by_index = product(range(len(assessor.classes)), COMBINATIONS)
        self._cell_of: Final = {kind: cell for cell, kind in enumerate(by_index)}
        # Empty for a class without reference rows: it has no residuals.
        self._offsets: Final = [self._residuals.offsets.get(kind, ()) for kind in self._cell_kinds]
        self._unseen: Final = {cell for cell, kind in enumerate(self._cell_kinds) if assessor.unseen(*kind)}
        # A residual at its limit may stand for a larger one. Its row is at least that far away.
        self._surely_known: Final = _CERTAINTY * min(self._furthest_known, LIMIT / SCALE) ** 2
        # A squared distance is at most this times the squared length of the residuals (Gershgorin's theorem).
        factors = self._residuals.factors
        steepest = max(
            sum(abs(weight) / (own * other) for weight, other in zip(row, factors, strict=True))
            for row, own in zip(assessor.reference.precision, factors, strict=True)
        )
        self._known_radius: Final = math.sqrt(self._surely_known / steepest)
        # The matrix is triangular: each row begins on the diagonal.
        self._whitening: Final = [
            [weight / factor for weight, factor in zip(row[index:], factors[index:], strict=True)]
            for index, row in enumerate(distance.matrix)
        ]
        self.clear()

    def clear(self) -> None:
        self._since = datetime.now(UTC)
        self._cells: Counter[int] = Counter()
        self._measured = 0
        self._sums = [0] * len(self._names)
        self._squares = [0] * len(self._names)
        self._bins = [[0] * BINS for _ in self._names]
        self._flagged = 0
        self._refused: Counter[str] = Counter(out_of_range=0, other=0)
        self._discarded = 0
        self._feedback: Counter[tuple[str, str]] = Counter()
        self._with_sets = 0
        self._covered = 0

    @property
    def rows(self) -> int:
        return self._cells.total()

    @property
    def is_empty(self) -> bool:
        return not (self._cells or self._refused.total() or self._feedback or self._discarded)

    def add_rows(self, rows: "Sequence[CountedRow]") -> None:
        """Rows with the indexes of their predicted classes."""
        # Column by column: a loop over the rows takes twice as long.
        cells = [self._cell_of[index, categories] for _, categories, index in rows]
        counted = Counter(cells)
        self._cells.update(counted)
        self._flagged += sum(counted[cell] for cell in self._unseen)
        if not all(self._offsets[cell] for cell in counted):
            has_residuals = [bool(self._offsets[cell]) for cell in cells]
            self._count_far(compress(zip(cells, rows, strict=True), map(not_, has_residuals)))
            cells, rows = list(compress(cells, has_residuals)), list(compress(rows, has_residuals))
            if not cells:
                return
        values = [measurements for measurements, _, _ in rows]
        offsets = [self._offsets[cell] for cell in cells]
        residuals = self._residuals.of_columns(zip(*values, strict=True), zip(*offsets, strict=True))
        for index, column in enumerate(residuals):
            self._sums[index] += sum(column)
            self._squares[index] += sum(map(mul, column, column))
            ordered = sorted(column)
            below = [0, *[bisect_left(ordered, edge) for edge in EDGES], len(ordered)]
            self._bins[index] = list(map(add, self._bins[index], map(sub, below[1:], below)))
        self._measured += len(cells)
        # Most rows are within the radius. Of the others, most are near by their residuals.
        outside = [length > self._known_radius for length in map(math.hypot, *residuals)]
        squares = self._squared([list(compress(column, outside)) for column in residuals])
        doubtful = [square > self._surely_known for square in squares]
        self._count_far(compress(compress(zip(cells, rows, strict=True), outside), doubtful))

    def _count_far(self, rows: "Iterable[tuple[int, CountedRow]]") -> None:
        """Count the rows that a detailed answer says are far from the reference rows.

        Not those of unseen combinations: they are counted already.
        """
        self._flagged += sum(
            cell not in self._unseen and self._distance.of(measurements, categories) > self._furthest_known
            for cell, (measurements, categories, _) in rows
        )

    def _squared(self, residuals: Sequence[Sequence[int]]) -> Iterator[float]:
        """The squared distance of each row from the mean of its predicted class, but for the residuals' rounding."""
        coordinates = (
            list(reduce(_sums, map(_products, residuals[index:], weights)))
            for index, weights in enumerate(self._whitening)
        )
        return reduce(_sums, (map(mul, column, column) for column in coordinates))

    def add_columns(
        self, columns: "PenguinColumns", indexes: "NDArray[np.intp]", in_distribution: "NDArray[np.bool_]"
    ) -> None:
        """As `add_rows`, with numpy; all of shape (rows,)."""
        import numpy as np

        self._flagged += len(columns) - int(np.count_nonzero(in_distribution))
        cells = indexes * len(COMBINATIONS) + columns.combinations
        counts = np.bincount(cells)
        for cell in np.flatnonzero(counts).tolist():
            self._cells[cell] += int(counts[cell])
        nothing = (math.nan,) * len(self._names)
        own = np.array([offset or nothing for offset in self._offsets])[cells]
        measured = ~np.isnan(own[:, 0])
        self._measured += int(np.count_nonzero(measured))
        for index, (log, factor) in enumerate(zip(self._residuals.logs, self._residuals.factors, strict=True)):
            values = columns.measurements[measured, self._reference.indexes[index]]
            exact = (np.log(values) if log else values) * factor - own[measured, index]
            residuals = np.clip(np.rint(exact), -LIMIT, LIMIT).astype(np.int64)
            self._sums[index] += int(residuals.sum())
            self._squares[index] += int(np.dot(residuals, residuals))
            bins = np.bincount(np.searchsorted(EDGES, residuals, side="right"), minlength=BINS)
            self._bins[index] = [old + new for old, new in zip(self._bins[index], bins.tolist(), strict=True)]

    def add_refused(self, error: RowFailure) -> None:
        violations = error.violations if isinstance(error, InvalidInput) else ()
        out_of_range = any(violation.code == "out_of_range" for violation in violations)
        self._refused["out_of_range" if out_of_range else "other"] += 1

    def add_feedback(self, label: str, predicted: str, *, covered: bool | None) -> None:
        self._feedback[label, predicted] += 1
        if covered is not None:
            self._with_sets += 1
            self._covered += covered

    def discard_rows(self) -> None:
        """Forget what was measured, and keep only how many rows there were."""
        refused, feedback, sets = self._refused, self._feedback, (self._with_sets, self._covered)
        since, rows = self._since, self.rows
        self.clear()
        self._since, self._discarded = since, rows
        self._refused, self._feedback = refused, feedback
        self._with_sets, self._covered = sets

    def fields(self) -> dict[str, Any]:
        """The counts as a log line has them. docs/reference/logs.md says what each is."""
        rows = self.rows
        return {
            "summary_id": os.urandom(8).hex(),
            "since": self._since.isoformat(),
            "until": datetime.now(UTC).isoformat(),
            "rows": rows,
            "discarded": self._discarded,
            "refused": dict(self._refused),
            "flagged": self._flagged,
            "flagged_share": round(self._flagged / rows, 4) if rows else None,
            "groups": self._groups(),
            "categories": self._categories(),
            "measurements": {
                name: {"rows": self._measured, "sum": total, "sum_of_squares": squares, "histogram": list(bins)}
                for name, total, squares, bins in zip(self._names, self._sums, self._squares, self._bins, strict=True)
            },
            "feedback": self._feedback_fields(),
        }

    def _groups(self) -> dict[str, dict[str, int]]:
        """Rows by predicted class, and by the value of the category that splits the classes ("" without one)."""
        groups: dict[str, dict[str, int]] = {}
        column = None if self._reference.grouping is None else list(CATEGORIES).index(self._reference.grouping)
        for cell, count in self._cells.items():
            label, categories = self._cell_kinds[cell]
            by_value = groups.setdefault(label, {})
            value = "" if column is None else categories[column]
            by_value[value] = by_value.get(value, 0) + count
        return groups

    def _categories(self) -> dict[str, dict[str, int]]:
        counts = {name: dict.fromkeys(CATEGORIES[name], 0) for name in self._reference.counts}
        for cell, count in self._cells.items():
            for name, value in zip(CATEGORIES, self._cell_kinds[cell][1], strict=True):
                if name in counts:
                    counts[name][value] += count
        return counts

    def _feedback_fields(self) -> dict[str, Any]:
        pairs: dict[str, dict[str, int]] = {}
        for (label, predicted), count in self._feedback.items():
            pairs.setdefault(label, {})[predicted] = count
        return {"pairs": pairs, "with_sets": self._with_sets, "covered": self._covered}


_sums = partial(map, add)


def _products(column: Sequence[int], factor: float) -> Iterator[float]:
    return map(mul, column, repeat(factor))
