"""Random valid penguins: the same ones for the same generator and ranges."""

from collections.abc import Mapping, Sequence

import numpy as np

from predictor.batch import PenguinColumns
from predictor.penguin import Penguin
from predictor.schema import COMBINATIONS, MEASUREMENTS, make_penguin

Ranges = Mapping[str, tuple[float, float]]
"""Lowest and highest value of each measurement, in its unit."""


def random_columns(
    generator: np.random.Generator, ranges: Ranges, count: int, decimals: int | None = None
) -> PenguinColumns:
    """`count` penguins, uniform over `ranges` and over all combinations of categories."""
    measurements = np.column_stack([generator.uniform(*ranges[name], count) for name in MEASUREMENTS])
    if decimals is not None:
        measurements = measurements.round(decimals)
        lowest, highest = np.array([ranges[name] for name in MEASUREMENTS]).T
        measurements = np.clip(measurements, lowest, highest)  # Rounding must not lead out of the ranges.
    return PenguinColumns(measurements, generator.integers(len(COMBINATIONS), size=count))


def to_penguins(columns: PenguinColumns) -> list[Penguin]:
    rows = zip(columns.measurements.tolist(), columns.combinations.tolist(), strict=True)
    return [make_penguin(values, COMBINATIONS[index]) for values, index in rows]


def ranges_of(penguins: Sequence[Penguin]) -> dict[str, tuple[float, float]]:
    """The lowest and the highest value of each measurement among `penguins`."""
    measured = {name: [getattr(penguin, name) for penguin in penguins] for name in MEASUREMENTS}
    return {name: (min(values), max(values)) for name, values in measured.items()}
