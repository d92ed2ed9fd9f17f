"""From penguins to features: the predecessor's one-hot encoding, without pandas.

Third step of the flow (*penguins -> features*). Gives the same matrix as
`pd.get_dummies(frame, columns=["sex", "island"]).reindex(columns=columns, fill_value=0)`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.models.columns import PenguinColumns
from predictor.penguin import CATEGORIES, HABITATS, MEASUREMENTS, Penguin, habitat_of, measurements_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

DUMMY_COLUMNS: Final = tuple(f"{field}_{value}" for field, values in CATEGORIES.items() for value in values)
"""The columns that `get_dummies` makes of the categories."""


class Encoder:
    """Turns penguins into rows of `columns`; a column that no penguin has is 0, as `reindex` makes it.

    What a bird's sex and island give is one of six rows, made once, into which its measurements are put.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        rows = [[float(name in (f"sex_{sex}", f"island_{island}")) for name in columns] for sex, island in HABITATS]
        self._rows = np.array(rows, dtype=np.float32).reshape(len(HABITATS), len(columns))
        self._measured = [index for index, name in enumerate(columns) if name in MEASUREMENTS]
        self._sources = [MEASUREMENTS.index(columns[index]) for index in self._measured]
        # Every measurement first and in order, the usual case: a row is its measurements and what follows them.
        self._rests: dict[tuple[str, str], tuple[float, ...]] | None = None
        if tuple(columns[: len(MEASUREMENTS)]) == MEASUREMENTS and len(self._measured) == len(MEASUREMENTS):
            rests = (tuple(row[len(MEASUREMENTS) :]) for row in rows)
            self._rests = dict(zip(HABITATS, rests, strict=True))

    def row(self, penguin: Penguin) -> tuple[float, ...]:
        """The features of one penguin, in the order of the columns."""
        if self._rests is not None:
            return measurements_of(penguin) + self._rests[habitat_of(penguin)]
        return tuple(self.encode((penguin,))[0].tolist())

    def encode(self, penguins: Sequence[Penguin]) -> "NDArray[np.float32]":
        """The feature matrix, shape (len(penguins), number of columns), float32."""
        return self.encode_columns(PenguinColumns.of(penguins))

    def encode_columns(self, columns: PenguinColumns) -> "NDArray[np.float32]":
        """The same matrix as `encode`, from columns."""
        features = self._rows[columns.habitats]
        features[:, self._measured] = columns.measurements[:, self._sources]
        return features
