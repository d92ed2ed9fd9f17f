"""Counts and sums of rows and their predictions: everything in them is a whole number, and adds up over processes."""

import math
import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial, reduce
from itertools import compress, repeat
from operator import add, mul, sub
from typing import TYPE_CHECKING, Any, Final

from predictor.errors import InvalidInput, RowFailure
from predictor.schema import CATEGORIES, COMBINATIONS, Categories
from predictor.trust.residuals import BINS, EDGES, LIMIT, SCALE, Residuals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from predictor.batch import PenguinColumns
    from predictor.trust.assessment import Assessor
    from predictor.trust.traffic import CountedRow

_Cell = tuple[str, Categories]
"""The predicted class, and the categories."""
_CERTAINTY: Final = 0.98
"""Of a squared distance: more than residuals lose by being whole numbers."""


class TrafficCounts:
    """Counts since the last `clear`."""

    def __init__(self, assessor: "Assessor") -> None:
        self._classes: Final = assessor.classes
        self._reference: Final = assessor.reference
        self._names: Final = [item.name for item in assessor.reference.measurements]
        self._residuals: Final = Residuals(assessor.reference)
        distance = assessor.distance
        self._distance: Final = distance
        self._furthest_known: Final = assessor.reference.scores[distance.known_below - 1]
        self._unseen: Final = {
            (label, values) for label in assessor.classes for values in COMBINATIONS if assessor.unseen(label, values)
        }
        # A residual at its limit may stand for a larger one. Its row is at least that far away.
        self._surely_known: Final = _CERTAINTY * min(self._furthest_known, LIMIT / SCALE) ** 2
        # The matrix is triangular: each row begins on the diagonal.
        self._whitening: Final = [
            [weight / factor for weight, factor in zip(row[place:], self._residuals.factors[place:], strict=True)]
            for place, row in enumerate(distance.matrix)
        ]
        self.clear()

    def clear(self) -> None:
        self._since = datetime.now(UTC)
        self._cells: Counter[_Cell] = Counter()
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
        """Rows with the places of their predicted classes."""
        # Column by column, in functions that are written in C: a loop over the rows takes twice as long.
        cells = [(self._classes[place], categories) for _, categories, place in rows]
        values = [measurements for measurements, _, _ in rows]
        self._cells.update(cells)
        offsets_of = self._residuals.offsets
        if not offsets_of.keys() >= set(cells):  # Classes without reference rows have no residuals.
            has_residuals = [cell in offsets_of for cell in cells]
            self._count_flagged(cells, values, [not has for has in has_residuals])
            cells, values = list(compress(cells, has_residuals)), list(compress(values, has_residuals))
            if not cells:
                return
        offsets = zip(*[offsets_of[cell] for cell in cells], strict=True)
        residuals = self._residuals.of_columns(zip(*values, strict=True), offsets)
        for place, column in enumerate(residuals):
            self._sums[place] += sum(column)
            self._squares[place] += sum(map(mul, column, column))
            ordered = sorted(column)
            below = [0, *[bisect_left(ordered, edge) for edge in EDGES], len(ordered)]
            self._bins[place] = list(map(add, self._bins[place], map(sub, below[1:], below)))
        self._measured += len(cells)
        self._count_flagged(cells, values, [square > self._surely_known for square in self._squared(residuals)])

    def _count_flagged(self, cells: list[_Cell], values: list[tuple[float, ...]], doubtful: list[bool]) -> None:
        """Count the rows that a detailed answer says are not in distribution; none but the doubtful ones is far."""
        flagged = [cell in self._unseen for cell in cells] if self._unseen else [False] * len(cells)
        for place in compress(range(len(cells)), doubtful):
            flagged[place] |= self._distance.of(values[place], cells[place][1]) > self._furthest_known
        self._flagged += sum(flagged)

    def _squared(self, residuals: Sequence[Sequence[int]]) -> Iterator[float]:
        """The squared distance of each row from the mean of its predicted class, but for the residuals' rounding."""
        coordinates = (
            list(reduce(_sums, map(_products, residuals[place:], weights)))
            for place, weights in enumerate(self._whitening)
        )
        return reduce(_sums, (map(mul, column, column) for column in coordinates))

    def add_columns(
        self, columns: "PenguinColumns", places: "NDArray[np.intp]", in_distribution: "NDArray[np.bool_]"
    ) -> None:
        """As `add_rows`, with numpy; all of shape (rows,)."""
        import numpy as np

        self._flagged += len(columns) - int(np.count_nonzero(in_distribution))
        cells = places * len(COMBINATIONS) + columns.combinations
        counts = np.bincount(cells, minlength=len(self._classes) * len(COMBINATIONS))
        for cell in np.flatnonzero(counts).tolist():
            place, combination = divmod(cell, len(COMBINATIONS))
            self._cells[self._classes[place], COMBINATIONS[combination]] += int(counts[cell])
        nothing = (math.nan,) * len(self._names)
        offsets = np.array(
            [
                self._residuals.offsets.get((label, values), nothing)
                for label in self._classes
                for values in COMBINATIONS
            ]
        )
        own = offsets[cells]
        measured = ~np.isnan(own[:, 0])
        self._measured += int(np.count_nonzero(measured))
        for place, (log, factor) in enumerate(zip(self._residuals.logs, self._residuals.factors, strict=True)):
            values = columns.measurements[measured, self._reference.places[place]]
            exact = (np.log(values) if log else values) * factor - own[measured, place]
            residuals = np.clip(np.rint(exact), -LIMIT, LIMIT).astype(np.int64)
            self._sums[place] += int(residuals.sum())
            self._squares[place] += int(np.dot(residuals, residuals))
            bins = np.bincount(np.searchsorted(EDGES, residuals, side="right"), minlength=BINS)
            self._bins[place] = [old + new for old, new in zip(self._bins[place], bins.tolist(), strict=True)]

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
        for (label, categories), count in self._cells.items():
            by_value = groups.setdefault(label, {})
            value = "" if column is None else categories[column]
            by_value[value] = by_value.get(value, 0) + count
        return groups

    def _categories(self) -> dict[str, dict[str, int]]:
        counts = {name: dict.fromkeys(CATEGORIES[name], 0) for name in self._reference.counts}
        for (_, categories), count in self._cells.items():
            for name, value in zip(CATEGORIES, categories, strict=True):
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
