"""What reaches an estimator behind other steps: which feature each of its columns is made from, and how.

Nothing is read from the steps; they are run on chosen penguins. So any step of any version can stand there, as long as
each column that it gives is made from one feature: scalers, encoders, imputers, a choice of columns, and pipelines of
these. A column that does depend on several features, which these penguins do not show, is found by parity.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from predictor.artifacts import InputColumn
from predictor.batch import PenguinColumns
from predictor.schema import CATEGORIES, COMBINATIONS, MEASUREMENTS, RANGES
from predictor.training.compile.tree import Unsupported

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

_STEPS: Final = 9
"""Values of each measurement that are tried."""
_LOWEST, _HIGHEST = np.array(list(RANGES.values())).T


@dataclass(frozen=True, slots=True)
class Source:
    """What one column is made from: a measurement; a category, with the number for each of its values; or nothing."""

    feature: str | None
    numbers: Mapping[str, float]
    constant: float


class Inputs:
    """From penguins to what an estimator is given."""

    def __init__(self, rows: Callable[[PenguinColumns], Any]) -> None:
        """`rows`: a data frame or an array with a row per penguin."""
        self._rows = rows

    @classmethod
    def of(cls, columns: Sequence[InputColumn], *, named: bool) -> "Inputs":
        """A frame of these columns; an array for an estimator that was fitted without names."""

        def rows(penguins: PenguinColumns) -> Any:
            frame = pd.DataFrame({column.name: input_cells(column, penguins) for column in columns})
            return frame if named else frame.to_numpy()

        return cls(rows)

    def after(self, steps: Any) -> "Inputs":
        """What comes out of fitted steps."""
        return Inputs(lambda penguins: steps.transform(self._rows(penguins)))

    def chosen(self, columns: Sequence[int]) -> "Inputs":
        return Inputs(lambda penguins: np.asarray(self._rows(penguins))[:, columns])

    def matrix(self, penguins: PenguinColumns) -> "Doubles":
        rows = self._rows(penguins)
        return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, dtype=np.float64)

    def moved(self, outputs: Sequence[int], values: "Doubles", features: Sequence[str]) -> "Doubles":
        """For each entry, the output of a penguin whose `features` entry is `values`."""
        count = len(values)
        penguins = _combined(count, np.zeros(count, dtype=np.intp))
        penguins.measurements[np.arange(count), [MEASUREMENTS.index(name) for name in features]] = values
        return self.matrix(penguins)[np.arange(count), outputs]

    @cached_property
    def sources(self) -> list[Source]:
        """The source of each column. Raises `Unsupported` where a column is made from several features."""
        of_categories = self.matrix(_combined(len(COMBINATIONS), np.arange(len(COMBINATIONS))))
        found = []
        measured = [self._changing(index) for index in range(len(MEASUREMENTS))]
        for column, numbers in enumerate(of_categories.T.tolist()):
            names = [name for name, changing in zip(MEASUREMENTS, measured, strict=True) if column in changing]
            tables = {
                name: {values[index]: number for values, number in zip(COMBINATIONS, numbers, strict=True)}
                for index, name in enumerate(CATEGORIES)
            }
            depends = {name: table for name, table in tables.items() if _alone(name, table, numbers)}
            names += depends or ([] if len(set(numbers)) == 1 else ["several categories"])
            if len(names) > 1 or names == ["several categories"]:
                raise Unsupported(f"a step makes one column from {' and '.join(names)}")
            name = names[0] if names else None
            found.append(Source(name, depends.get(name or "", {}), numbers[0]))
        return found

    def _changing(self, index: int) -> set[int]:
        """The columns that change with a measurement."""
        penguins = _combined(_STEPS, np.zeros(_STEPS, dtype=np.intp))
        penguins.measurements[:, index] = np.linspace(_LOWEST[index], _HIGHEST[index], _STEPS)
        tried = self.matrix(penguins)
        return set(np.flatnonzero((tried != tried[0]).any(axis=0)).tolist())


def _combined(count: int, combinations: "NDArray[np.intp]") -> PenguinColumns:
    return PenguinColumns(np.tile(_LOWEST, (count, 1)), combinations)


def _alone(name: str, table: Mapping[str, float], numbers: Sequence[float]) -> bool:
    """Whether `numbers`, one per combination, change with this category, and with no other."""
    index = list(CATEGORIES).index(name)
    same = all(table[values[index]] == number for values, number in zip(COMBINATIONS, numbers, strict=True))
    return same and len(set(numbers)) > 1


def input_cells(column: InputColumn, penguins: PenguinColumns) -> "NDArray[Any]":
    """A column of an estimator's input; 0 where no feature gives it.

    `predictor.models.sklearn_engine` has the same with booleans, as `pandas.get_dummies` gives them to what it serves.
    Here are numbers: an array of measurements and booleans has the type object, which not every step takes.
    """
    if column.feature in MEASUREMENTS:
        return penguins.measurements[:, MEASUREMENTS.index(column.feature)]
    if column.feature not in CATEGORIES:
        return np.zeros(len(penguins))
    values = [values[list(CATEGORIES).index(column.feature)] for values in COMBINATIONS]
    if column.value is not None:
        return np.array([float(value == column.value) for value in values])[penguins.combinations]
    spelled = column.values or {}
    return np.array([spelled.get(value, value) for value in values], dtype=object)[penguins.combinations]
