"""Several penguins at once, column by column: without an object per bird, which a file of a million could not afford.

`PenguinColumns` holds valid penguins only; engines read it. `Batch` adds the rows that are not valid, as errors by
their index. Requests with `instances`, events and files all become a `Batch`. Importing this module imports numpy, so
the rest of the serving path imports it when the first batch comes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.errors import RowFailure
from predictor.penguin import Penguin
from predictor.prediction import Id
from predictor.schema import COMBINATIONS, MEASUREMENTS, RANGES, Categories, categories_of, measurements_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMBINATION_INDEX: Final[dict[Categories, int]] = {values: index for index, values in enumerate(COMBINATIONS)}
"""A penguin's categories are kept as one number: the index of their combination in COMBINATIONS."""

_LOWEST, _HIGHEST = np.array([RANGES[name] for name in MEASUREMENTS]).T


def in_range(measurements: "NDArray[np.float64]") -> "NDArray[np.bool_]":
    """Which rows, shape (n, measurements), lie in RANGES: what pydantic checks of a single penguin. NaN does not."""
    within: NDArray[np.bool_] = ((measurements >= _LOWEST) & (measurements <= _HIGHEST)).all(axis=1)
    return within


@dataclass(frozen=True, slots=True, eq=False)
class PenguinColumns:
    """`measurements`: float64, shape (n, measurements), in the order of MEASUREMENTS; `combinations`: int, shape (n,).

    A combination is an index into COMBINATIONS.
    """

    measurements: "NDArray[np.float64]"
    combinations: "NDArray[np.intp]"

    def __len__(self) -> int:
        return len(self.combinations)

    @classmethod
    def of(cls, penguins: Sequence[Penguin]) -> "PenguinColumns":
        count = len(penguins)
        # From iterators: half the time of a list of tuples (docs/explanation/performance.md).
        numbers = chain.from_iterable(map(measurements_of, penguins))
        measurements = np.fromiter(numbers, np.float64, count * len(MEASUREMENTS))
        combinations = np.fromiter(map(COMBINATION_INDEX.__getitem__, map(categories_of, penguins)), np.intp, count)
        return cls(measurements.reshape(count, len(MEASUREMENTS)), combinations)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows in order: the valid ones as `columns`, the others in `errors`, by their index and in the order of it.

    `ids` are those of all rows; None where no row has one.
    """

    columns: PenguinColumns
    errors: Mapping[int, RowFailure] = field(default_factory=dict)
    ids: Sequence[Id] | None = None

    def __len__(self) -> int:
        return len(self.columns) + len(self.errors)

    @classmethod
    def of(cls, rows: Sequence[Penguin | RowFailure], ids: Sequence[Id] | None = None) -> "Batch":
        penguins = [row for row in rows if isinstance(row, Penguin)]
        errors = {index: row for index, row in enumerate(rows) if not isinstance(row, Penguin)}
        return cls(PenguinColumns.of(penguins), errors, known_ids(ids))


def known_ids(ids: Sequence[Id] | None) -> Sequence[Id] | None:
    """The ids; None where all of them are."""
    return ids if ids is not None and any(given is not None for given in ids) else None
