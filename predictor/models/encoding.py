"""From penguins to features: the predecessor's one-hot encoding, without pandas.

Third step of the flow (*penguins -> features*). Gives the same matrix as
`pd.get_dummies(frame, columns=["sex", "island"]).reindex(columns=columns, fill_value=0)`.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import numpy as np

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
        in_order = positions == list(range(_ZERO))
        self._positions = None if in_order else np.array(positions)
        # A tuple per (sex, island) with its dummies and, last, the 0 for columns that no penguin has.
        self._dummies: dict[tuple[str, str], tuple[float, ...]] = {
            (sex, island): tuple(float(name in (f"sex_{sex}", f"island_{island}")) for name in DUMMY_COLUMNS)
            + (() if in_order else (0.0,))
            for sex in SEXES
            for island in ISLANDS
        }

    def encode(self, penguins: Sequence[Penguin]) -> "NDArray[np.float32]":
        """The feature matrix, shape (len(penguins), number of columns), float32."""
        dummies = self._dummies
        rows = [_measurements(penguin) + dummies[_category(penguin)] for penguin in penguins]
        features = np.array(rows, dtype=np.float32)
        return features if self._positions is None else features.take(self._positions, axis=1)
