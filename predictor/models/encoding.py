"""From penguins to features: the predecessor's one-hot encoding, without pandas.

Third step of the flow (*penguins -> features*). Gives the same matrix as
`pd.get_dummies(frame, columns=["sex", "island"]).reindex(columns=columns, fill_value=0)`.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from predictor.penguin import CATEGORIES, MEASUREMENTS, Penguin

if TYPE_CHECKING:
    from numpy.typing import NDArray

_measurements: Callable[[Penguin], tuple[float, ...]] = attrgetter(*MEASUREMENTS)


class Encoder:
    """Turns penguins into rows of `columns`; a column that no penguin has is 0, as `reindex` makes it."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._width = len(columns)
        position = {name: index for index, name in enumerate(columns)}
        # Where each measurement goes, and which row each (category, value) contributes.
        self._from = [index for index, name in enumerate(MEASUREMENTS) if name in position]
        self._to = [position[name] for name in MEASUREMENTS if name in position]
        self._one_hot = {}
        for sex in CATEGORIES["sex"]:
            for island in CATEGORIES["island"]:
                row = np.zeros(self._width, dtype=np.float32)
                for name in (f"sex_{sex}", f"island_{island}"):
                    if name in position:
                        row[position[name]] = 1.0
                self._one_hot[sex, island] = row

    def encode(self, penguins: Sequence[Penguin]) -> "NDArray[np.float32]":
        """The feature matrix, shape (len(penguins), number of columns), float32."""
        one_hot = self._one_hot
        features = np.array([one_hot[p.sex, p.island] for p in penguins], dtype=np.float32)
        features = features.reshape(len(penguins), self._width)
        measured = np.array([_measurements(p) for p in penguins], dtype=np.float32).reshape(-1, len(MEASUREMENTS))
        features[:, self._to] = measured[:, self._from]
        return features
