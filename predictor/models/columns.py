"""Penguins column by column: what a file of a million is scored from, without an object per bird.

Only valid penguins get here; `predictor.bulk` and `PenguinColumns.of` make these values, engines read them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.penguin import HABITATS, MEASUREMENTS, RANGES, Penguin, habitat_of, measurements_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

HABITAT_INDEX: Final[dict[tuple[str, str], int]] = {pair: index for index, pair in enumerate(HABITATS)}
"""A bird's pair of sex and island is kept as its place in HABITATS."""

_LOWEST, _HIGHEST = np.array([RANGES[name] for name in MEASUREMENTS]).T


def in_range(measurements: "NDArray[np.float64]") -> "NDArray[np.bool_]":
    """Which rows (n, 4), in the order of MEASUREMENTS, are those of penguins: what pydantic checks of one bird."""
    within: NDArray[np.bool_] = ((measurements >= _LOWEST) & (measurements <= _HIGHEST)).all(axis=1)
    return within


@dataclass(frozen=True, slots=True, eq=False)
class PenguinColumns:
    """`measurements`: float64, shape (n, 4), in the order of MEASUREMENTS; `habitats`: indexes into HABITATS, (n,)."""

    measurements: "NDArray[np.float64]"
    habitats: "NDArray[np.intp]"

    def __len__(self) -> int:
        return len(self.habitats)

    @classmethod
    def of(cls, penguins: Sequence[Penguin]) -> "PenguinColumns":
        count = len(penguins)
        # From iterators: half the time of a list of tuples (docs/performance.md).
        numbers = chain.from_iterable(map(measurements_of, penguins))
        measurements = np.fromiter(numbers, np.float64, count * len(MEASUREMENTS))
        habitats = np.fromiter(map(HABITAT_INDEX.__getitem__, map(habitat_of, penguins)), np.intp, count)
        return cls(measurements.reshape(count, len(MEASUREMENTS)), habitats)
