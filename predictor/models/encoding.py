"""From penguins to features: the predecessor's one-hot encoding, without pandas.

Third step of the flow (*penguins -> features*). Gives the same matrix as
`pd.get_dummies(frame, columns=["sex", "island"]).reindex(columns=columns, fill_value=0)`.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.penguin import CATEGORIES, ISLANDS, MEASUREMENTS, SEXES, Penguin

if TYPE_CHECKING:
    from numpy.typing import NDArray

DUMMY_COLUMNS: Final = tuple(f"{field}_{value}" for field, values in CATEGORIES.items() for value in values)
"""The columns that `get_dummies` makes of the categories."""

_measurements: Callable[[Penguin], tuple[float, ...]] = attrgetter(*MEASUREMENTS)
_category: Callable[[Penguin], tuple[str, str]] = attrgetter(*CATEGORIES)
_KINDS: Final[tuple[tuple[str, str], ...]] = tuple((sex, island) for sex in SEXES for island in ISLANDS)


class Encoder:
    """Turns penguins into rows of `columns`; a column that no penguin has is 0, as `reindex` makes it.

    What a bird's sex and island give is one of six rows, made once, into which its measurements are put.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        rows = [[float(name in (f"sex_{sex}", f"island_{island}")) for name in columns] for sex, island in _KINDS]
        self._rows = np.array(rows, dtype=np.float32).reshape(len(_KINDS), len(columns))
        self._kinds = {kind: index for index, kind in enumerate(_KINDS)}
        measured = [index for index, name in enumerate(columns) if name in MEASUREMENTS]
        self._measured = measured
        self._sources = [MEASUREMENTS.index(columns[index]) for index in measured]
        # Every measurement first and in order, the usual case: a row is its measurements and what follows them.
        self._rests: dict[tuple[str, str], tuple[float, ...]] | None = None
        if tuple(columns[: len(MEASUREMENTS)]) == MEASUREMENTS and len(measured) == len(MEASUREMENTS):
            rests = (tuple(row[len(MEASUREMENTS) :]) for row in rows)
            self._rests = dict(zip(_KINDS, rests, strict=True))

    def row(self, penguin: Penguin) -> tuple[float, ...]:
        """The features of one penguin, in the order of the columns."""
        if self._rests is not None:
            return _measurements(penguin) + self._rests[_category(penguin)]
        return tuple(self.encode((penguin,))[0].tolist())

    def encode(self, penguins: Sequence[Penguin]) -> "NDArray[np.float32]":
        """The feature matrix, shape (len(penguins), number of columns), float32."""
        count = len(penguins)
        kinds = np.fromiter(map(self._kinds.__getitem__, map(_category, penguins)), np.intp, count)
        features = self._rows[kinds]
        values = chain.from_iterable(map(_measurements, penguins))
        measurements = np.fromiter(values, np.float32, count * len(MEASUREMENTS)).reshape(count, len(MEASUREMENTS))
        features[:, self._measured] = measurements[:, self._sources]
        return features
