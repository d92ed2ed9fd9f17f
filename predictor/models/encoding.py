"""From penguins to features: the predecessor's one-hot encoding, without pandas.

Third step of the flow (*penguins -> features*). Gives the same matrix as
`pd.get_dummies(frame, columns=["sex", "island"]).reindex(columns=columns, fill_value=0)`.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.models.columns import HABITATS, PenguinColumns
from predictor.penguin import CATEGORIES, ISLANDS, MEASUREMENTS, SEXES, Penguin

if TYPE_CHECKING:
    from numpy.typing import NDArray

DUMMY_COLUMNS: Final = tuple(f"{field}_{value}" for field, values in CATEGORIES.items() for value in values)
"""The columns that `get_dummies` makes of the categories, in its order."""

_measurements: Callable[[Penguin], tuple[float, ...]] = attrgetter(*MEASUREMENTS)
_category: Callable[[Penguin], tuple[str, str]] = attrgetter(*CATEGORIES)
_ZERO: Final = len(MEASUREMENTS) + len(DUMMY_COLUMNS)


class Encoder:
    """Turns penguins into rows of `columns`; a column that no penguin has is 0, as `reindex` makes it."""

    def __init__(self, columns: Sequence[str]) -> None:
        known = {name: index for index, name in enumerate((*MEASUREMENTS, *DUMMY_COLUMNS))}
        positions = [known.get(name, _ZERO) for name in columns]
        # Columns in get_dummies' own order, the usual case, need no picking.
        self._pick = None if positions == list(range(_ZERO)) else _picker(positions)
        self._dummies: dict[tuple[str, str], tuple[float, ...]] = {
            (sex, island): tuple(float(name in (f"sex_{sex}", f"island_{island}")) for name in DUMMY_COLUMNS)
            for sex in SEXES
            for island in ISLANDS
        }
        self._positions = None if self._pick is None else positions
        self._dummy_rows = np.array([self._dummies[pair] for pair in HABITATS], dtype=np.float32)

    def row(self, penguin: Penguin) -> tuple[float, ...]:
        """The features of one penguin, in the order of the columns."""
        features = _measurements(penguin) + self._dummies[_category(penguin)]
        return features if self._pick is None else self._pick(features)

    def encode(self, penguins: Sequence[Penguin]) -> "NDArray[np.float32]":
        """The feature matrix, shape (len(penguins), number of columns), float32."""
        if self._pick is not None:
            return np.array([self.row(penguin) for penguin in penguins], dtype=np.float32)
        dummies = self._dummies
        return np.array([_measurements(p) + dummies[_category(p)] for p in penguins], dtype=np.float32)

    def encode_columns(self, columns: PenguinColumns) -> "NDArray[np.float32]":
        """The same matrix as `encode`, from columns."""
        parts = [columns.measurements.astype(np.float32), self._dummy_rows[columns.habitats]]
        if self._positions is None:
            return np.concatenate(parts, axis=1)
        padding = np.zeros((len(columns), 1), dtype=np.float32)
        return np.ascontiguousarray(np.concatenate([*parts, padding], axis=1)[:, self._positions])


def _picker(positions: Sequence[int]) -> Callable[[tuple[float, ...]], tuple[float, ...]]:
    def pick(features: tuple[float, ...]) -> tuple[float, ...]:
        padded = (*features, 0.0)
        return tuple([padded[position] for position in positions])

    return pick
