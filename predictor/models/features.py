"""From penguins to features: one-hot encoding, without pandas.

Gives the same matrix as `pd.get_dummies(frame, columns=CATEGORIES).reindex(columns=columns, fill_value=0)`, which is
what the replaced service computed. Importing this module imports numpy.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from predictor.batch import PenguinColumns
from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, COMBINATIONS, MEASUREMENTS, Categories, categories_of, dummies, measurements_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FeatureEncoder:
    """Turns penguins into rows of `columns`; a column that no penguin has is 0, as `reindex` makes it.

    A column that is called like a category holds the index of its value in CATEGORIES.

    There are few combinations of categories, so the row of each is made once, and measurements are filled in.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        rows = [[_category_feature(name, values) for name in columns] for values in COMBINATIONS]
        self._rows = np.array(rows, dtype=np.float32).reshape(len(COMBINATIONS), len(columns))
        self._measured = [index for index, name in enumerate(columns) if name in MEASUREMENTS]
        self._sources = [MEASUREMENTS.index(columns[index]) for index in self._measured]
        # In the usual case, every measurement comes first and in order: a row is the measurements and what follows.
        self._rests: dict[Categories, tuple[float, ...]] | None = None
        if tuple(columns[: len(MEASUREMENTS)]) == MEASUREMENTS and len(self._measured) == len(MEASUREMENTS):
            rests = (tuple(row[len(MEASUREMENTS) :]) for row in rows)
            self._rests = dict(zip(COMBINATIONS, rests, strict=True))

    def row(self, penguin: Penguin) -> tuple[float, ...]:
        """The features of one penguin, in the order of the columns."""
        if self._rests is not None:
            return measurements_of(penguin) + self._rests[categories_of(penguin)]
        return tuple(self.matrix(PenguinColumns.of((penguin,)))[0].tolist())

    def matrix(self, columns: PenguinColumns) -> "NDArray[np.float32]":
        """The features of many penguins, shape (len(columns), number of columns), float32."""
        features = self._rows[columns.combinations]
        features[:, self._measured] = columns.measurements[:, self._sources]
        return features


def _category_feature(column: str, values: Categories) -> float:
    """What a column that is no measurement holds for penguins of these categories."""
    for (name, allowed), value in zip(CATEGORIES.items(), values, strict=True):
        if column == name:
            return float(allowed.index(value))
    return float(column in dummies(values))
