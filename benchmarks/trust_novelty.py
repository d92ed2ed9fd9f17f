"""How many birds are flagged as unlike the reference: good ones, later years, left-out species, other penguins."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.other_penguins import OTHERS, Means
from predictor.schema import CATEGORIES, RANGES, categories_of, measurements_of
from predictor.training.dataset import Dataset, LabelledRow
from predictor.training.reference import make_reference
from predictor.trust.distance import Distance
from predictor.trust.reference import Reference
from predictor.trust.unit_slips import UnitSlips

SPREAD = 1.2
"""Other penguins are simulated with the pooled covariance, and this times its standard deviations."""


@dataclass(frozen=True, slots=True)
class Novelty:
    """Shares in [0, 1]."""

    held_out: list[float]
    """Flagged per repeat of the cross-validation."""
    by_year: dict[str, float]
    by_species: dict[str, float]
    others: dict[str, float]
    others_wrong_hints: int
    unflagged_means: list[str]
    """Mean birds of other species that are neither flagged nor refused."""


def subset(dataset: Dataset, rows: Iterable[LabelledRow]) -> Dataset:
    return Dataset(tuple(rows), (), dataset.sha256)


def folds_of(dataset: Dataset, rng: np.random.Generator, count: int = 10) -> list[tuple[Dataset, list[LabelledRow]]]:
    """Training sets and held-out rows, at random."""
    order = rng.permutation(len(dataset.rows))
    found = []
    for fold in range(count):
        away = set(order[fold::count].tolist())
        kept = [row for index, row in enumerate(dataset.rows) if index not in away]
        found.append((subset(dataset, kept), [dataset.rows[index] for index in sorted(away)]))
    return found


def flagged(distance: Distance, rows: Sequence[LabelledRow]) -> int:
    return sum(
        distance.rank(distance.of(measurements_of(row.penguin), categories_of(row.penguin))) >= distance.known_below
        for row in rows
    )


def measure(dataset: Dataset, rng: np.random.Generator, repeats: int, simulated: int) -> Novelty:
    held_out = []
    for _ in range(repeats):
        counts = [flagged(_distance(kept), away) for kept, away in folds_of(dataset, rng)]
        held_out.append(sum(counts) / len(dataset.rows))
    reference = make_reference(dataset, "not needed")
    others, hints = {}, 0
    for other in OTHERS:
        shares = []
        for sex, means in (("male", other.male), ("female", other.female)):
            share, wrong = _simulate(reference, means, sex, rng, simulated)
            shares.append(share)
            hints += wrong
        others[other.name] = sum(shares) / 2
    return Novelty(
        held_out,
        {year: _left_out(dataset, [row.extra["year"] == year for row in dataset.rows]) for year in _years(dataset)},
        {name: _left_out(dataset, [row.label == name for row in dataset.rows]) for name in reference.labels},
        others,
        hints,
        [
            f"{other.name} {sex}"
            for other in OTHERS
            for sex, means in (("male", other.male), ("female", other.female))
            if not _stopped(Distance(reference), means, sex)
        ],
    )


def _years(dataset: Dataset) -> list[str]:
    return sorted({row.extra["year"] for row in dataset.rows})


def _distance(dataset: Dataset) -> Distance:
    return Distance(make_reference(dataset, "not needed"))


def _left_out(dataset: Dataset, away: Sequence[bool]) -> float:
    kept = subset(dataset, (row for row, out in zip(dataset.rows, away, strict=True) if not out))
    test = [row for row, out in zip(dataset.rows, away, strict=True) if out]
    return flagged(_distance(kept), test) / len(test)


def refused(measurements: Sequence[float]) -> bool:
    return not all(low <= value <= high for value, (low, high) in zip(measurements, RANGES.values(), strict=True))


def _stopped(distance: Distance, measurements: Sequence[float], sex: str) -> bool:
    """Refused by the ranges, or flagged. The island plays no part."""
    categories = tuple(sex if name == "sex" else values[0] for name, values in CATEGORIES.items())
    return refused(measurements) or distance.rank(distance.of(measurements, categories)) >= distance.known_below


def _simulate(reference: Reference, means: Means, sex: str, rng: np.random.Generator, count: int) -> tuple[float, int]:
    """The share of simulated birds that are stopped, and how many get a hint, which can only be wrong."""
    distance = Distance(reference)
    slips = UnitSlips(reference, distance)
    covariance = np.linalg.inv(np.array(reference.precision)) * SPREAD**2
    birds = np.exp(rng.multivariate_normal(np.log(means), covariance, count)).tolist()
    stopped = [bird for bird in birds if _stopped(distance, bird, sex)]
    categories = tuple(sex if name == "sex" else values[0] for name, values in CATEGORIES.items())
    return len(stopped) / count, sum(slips.find(bird, categories) is not None for bird in stopped)
