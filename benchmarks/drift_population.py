"""Simulated penguins for benchmarks/drift.py: from the real birds, but as many as wanted and never the same.

A bird gets the categories and the class of a real one, the mean of its species and sex, and the residuals of another
bird of that group, with noise (a smoothed bootstrap). So groups have spreads and tails of their own, as real ones do,
and not those that the method assumes.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from predictor.batch import COMBINATION_INDEX, PenguinColumns
from predictor.penguin import SPECIES
from predictor.schema import COMBINATIONS, categories_of, make_penguin, measurements_of
from predictor.training.dataset import Dataset, LabelledRow

SMOOTHING: Final = 0.3
"""The noise's standard deviation, as a share of the residuals'."""

Numbers = NDArray[np.float64]
Indexes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Birds:
    """Measurements in their units, shape (birds, measurements); indexes in COMBINATIONS and in SPECIES."""

    measurements: Numbers
    combinations: Indexes
    species: Indexes

    @property
    def columns(self) -> PenguinColumns:
        return PenguinColumns(self.measurements, self.combinations)

    def with_measurements(self, measurements: Numbers) -> "Birds":
        return replace(self, measurements=measurements)

    def where(self, chosen: "NDArray[np.bool_]") -> "Birds":
        return Birds(self.measurements[chosen], self.combinations[chosen], self.species[chosen])

    def dataset(self) -> Dataset:
        rows = [
            LabelledRow(number, make_penguin(values, COMBINATIONS[combination]), SPECIES[species], {})
            for number, (values, combination, species) in enumerate(
                zip(self.measurements.tolist(), self.combinations, self.species, strict=True), start=1
            )
        ]
        return Dataset(tuple(rows), (), "0" * 64)


def birds_of(rows: "tuple[LabelledRow, ...] | list[LabelledRow]") -> Birds:
    return Birds(
        np.array([measurements_of(row.penguin) for row in rows]),
        np.array([COMBINATION_INDEX[categories_of(row.penguin)] for row in rows]),
        np.array([SPECIES.index(row.label) for row in rows]),
    )


class Population:
    """Where birds come from: the rows of a data set."""

    def __init__(self, dataset: Dataset) -> None:
        real = birds_of(dataset.rows)
        logs = np.log(real.measurements)
        keys = [(row.label, row.penguin.sex) for row in dataset.rows]
        names = sorted(set(keys))
        self._real = real
        self._group = np.array([names.index(key) for key in keys])
        self._members = [np.flatnonzero(self._group == group) for group in range(len(names))]
        self._means = np.array([logs[members].mean(axis=0) for members in self._members])
        # A residual from a mean that the bird itself is part of is a little too small.
        sizes = np.array([len(members) for members in self._members])
        self._residuals = (logs - self._means[self._group]) * np.sqrt(sizes / (sizes - 1))[self._group][:, None]

    def draw(self, count: int, random: np.random.Generator, shares: "dict[str, float] | None" = None) -> Birds:
        """Birds, with the data set's shares of species; `shares` changes some, in proportion to the others."""
        patterns = random.choice(len(self._group), count, p=self._chances(shares))
        group = self._group[patterns]
        donors = np.empty(count, dtype=np.intp)
        noise = np.empty(count, dtype=np.intp)
        for number, members in enumerate(self._members):
            own = group == number
            donors[own] = random.choice(members, np.count_nonzero(own))
            noise[own] = random.choice(members, np.count_nonzero(own))
        signs = random.choice([-1.0, 1.0], (count, 1))
        residuals = self._residuals[donors] + SMOOTHING * signs * self._residuals[noise]
        logs = self._means[group] + residuals / np.sqrt(1 + SMOOTHING**2)
        return Birds(np.exp(logs), self._real.combinations[patterns], self._real.species[patterns])

    def _chances(self, shares: "dict[str, float] | None") -> "Any":
        if not shares:
            return None
        chances = np.ones(len(self._group)) / len(self._group)
        changed = np.zeros(len(self._group), dtype=bool)
        for label, share in shares.items():
            own = self._real.species == SPECIES.index(label)
            chances[own] = share / np.count_nonzero(own)
            changed |= own
        chances[~changed] *= (1 - sum(shares.values())) / chances[~changed].sum()
        return chances

    def share(self, label: str) -> float:
        return float(np.mean(self._real.species == SPECIES.index(label)))
