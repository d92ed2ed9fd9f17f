"""How many birds are flagged as unlike the reference: good ones, later years, left-out species, other penguins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.other_penguins import OTHERS, Means
from predictor.schema import CATEGORIES, RANGES
from predictor.training.dataset import Dataset, LabelledRow
from predictor.training.penguin_trust import is_unlike, leave_out, species_left_out
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
    species: dict[str, tuple[int, int]]
    """Left out of the reference: birds, and how many of them are flagged."""
    others: dict[str, float]
    others_wrong_hints: int
    unflagged_means: list[str]
    """Mean birds of other species that are neither flagged nor refused."""


def folds_of(dataset: Dataset, rng: np.random.Generator, count: int = 10) -> list[tuple[Dataset, list[LabelledRow]]]:
    """Training sets and held-out rows, at random."""
    order = rng.permutation(len(dataset.rows))
    found = []
    for fold in range(count):
        away = np.isin(np.arange(len(order)), order[fold::count])
        found.append(leave_out(dataset, away.tolist()))
    return found


def measure(dataset: Dataset, rng: np.random.Generator, repeats: int, simulated: int) -> Novelty:
    held_out = []
    for _ in range(repeats):
        count = 0
        for kept, away in folds_of(dataset, rng):
            distance = _distance(kept)
            count += sum(is_unlike(distance, row) for row in away)
        held_out.append(count / len(dataset.rows))
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
        {name: species_left_out(dataset, name) for name in reference.labels},
        others,
        hints,
        [
            f"{other.name} {sex}"
            for other in OTHERS
            for sex, means in (("male", other.male), ("female", other.female))
            if not _stopped(Distance(reference), means, sex)
        ],
    )


def _distance(dataset: Dataset) -> Distance:
    return Distance(make_reference(dataset, "not needed"))


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
