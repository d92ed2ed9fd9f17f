"""How far this project's own model can be relied on: prediction sets, abstention and novelty on birds it has not seen.

For the model card; `python -m benchmarks.trust` repeats it at length. Every split fits model and reference anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from predictor.penguin import SPECIES
from predictor.schema import COMBINATIONS, categories_of, make_penguin, measurements_of
from predictor.training.dataset import Dataset, LabelledRow
from predictor.training.penguin_pipeline import fit
from predictor.training.reference import make_reference, reference_of
from predictor.trust.assessment import Assessor
from predictor.trust.distance import Distance

COVERAGES: Final = (0.8, 0.9, 0.95, 0.99)
SPLITS: Final = 10
TEST_SHARE: Final = 0.2
HYBRIDS: Final = 500
_SEED: Final = 20140305
_PARENTS: Final = ("Adelie", "Chinstrap")


@dataclass(frozen=True, slots=True)
class SetFigures:
    """Of one or more test sets: sums over the birds. By stated coverage: sets with the true species, and sizes."""

    birds: int
    covered: dict[float, int]
    sizes: dict[float, int]
    flagged: int
    answered: int
    wrong: int
    """Among the answered ones."""


@dataclass(frozen=True, slots=True)
class TrustFigures:
    """All that the model card says of trust."""

    random_splits: SetFigures
    years: dict[str, SetFigures]
    species: dict[str, tuple[int, int]]
    """Left out of the reference: birds of it, and how many of them are flagged."""
    hybrids_sure: int
    """Of `HYBRIDS` simulated ones, how many have a probability above 0.9."""
    hybrids_flagged: int


def evaluate_trust(dataset: Dataset, splits: int = SPLITS) -> TrustFigures:
    rng = np.random.default_rng(_SEED)
    sure, flagged = _hybrids(dataset, rng)
    return TrustFigures(
        total(random_split(dataset, rng) for _ in range(splits)),
        years_left_out(dataset),
        {name: species_left_out(dataset, name) for name in SPECIES},
        sure,
        flagged,
    )


def years_left_out(dataset: Dataset) -> dict[str, SetFigures]:
    years = sorted({row.extra["year"] for row in dataset.rows})
    return {year: measure(*leave_out(dataset, [row.extra["year"] == year for row in dataset.rows])) for year in years}


def leave_out(dataset: Dataset, away: Sequence[bool]) -> tuple[Dataset, list[LabelledRow]]:
    kept = tuple(row for row, out in zip(dataset.rows, away, strict=True) if not out)
    return Dataset(kept, (), dataset.sha256), [row for row, out in zip(dataset.rows, away, strict=True) if out]


def random_split(dataset: Dataset, rng: np.random.Generator) -> SetFigures:
    """A fifth of each species is held out."""
    away = np.zeros(len(dataset.rows), dtype=bool)
    for name in SPECIES:
        own = [index for index, row in enumerate(dataset.rows) if row.label == name]
        away[rng.permutation(own)[: round(TEST_SHARE * len(own))]] = True
    return measure(*leave_out(dataset, away.tolist()))


def measure(kept: Dataset, away: Sequence[LabelledRow]) -> SetFigures:
    """The model and the reference of `kept`, on the rows `away`."""
    model = fit(kept.penguins, kept.labels)
    assessor = Assessor(reference_of(model, kept), model.classes)
    covered, sizes = dict.fromkeys(COVERAGES, 0), dict.fromkeys(COVERAGES, 0)
    flagged = answered = wrong = 0
    for row, own in zip(away, model.probabilities([row.penguin for row in away]).tolist(), strict=True):
        measurements, categories = measurements_of(row.penguin), categories_of(row.penguin)
        for coverage in COVERAGES:
            members = assessor.assess(measurements, categories, own, coverage).prediction_set or ()
            covered[coverage] += row.label in members
            sizes[coverage] += len(members)
        found = assessor.assess(measurements, categories, own)
        flagged += is_unlike(assessor.distance, row)
        answered += not found.abstain
        wrong += not found.abstain and model.classes[own.index(max(own))] != row.label
    return SetFigures(len(away), covered, sizes, flagged, answered, wrong)


def total(parts: Iterable[SetFigures]) -> SetFigures:
    every = list(parts)
    return SetFigures(
        sum(part.birds for part in every),
        {coverage: sum(part.covered[coverage] for part in every) for coverage in COVERAGES},
        {coverage: sum(part.sizes[coverage] for part in every) for coverage in COVERAGES},
        sum(part.flagged for part in every),
        sum(part.answered for part in every),
        sum(part.wrong for part in every),
    )


def species_left_out(dataset: Dataset, name: str) -> tuple[int, int]:
    kept, away = leave_out(dataset, [row.label == name for row in dataset.rows])
    distance = Distance(make_reference(kept, "not needed"))
    return len(away), sum(is_unlike(distance, row) for row in away)


def is_unlike(distance: Distance, row: LabelledRow) -> bool:
    """Whether a bird's measurements are flagged."""
    rank = distance.rank(distance.of(measurements_of(row.penguin), categories_of(row.penguin)))
    return rank >= distance.known_below


def _hybrids(dataset: Dataset, rng: np.random.Generator) -> tuple[int, int]:
    """Birds halfway between two species, with the spread of one: how many get a high probability, and are flagged."""
    model, reference = fit(dataset.penguins, dataset.labels), make_reference(dataset, "not needed")
    distance = Distance(reference)
    covariance = np.linalg.inv(np.array(reference.precision))
    birds = []
    for number in range(HYBRIDS):
        categories = COMBINATIONS[number % len(COMBINATIONS)]
        middle = np.mean([reference.group_of(name, categories).means for name in _PARENTS], axis=0)
        values = np.exp(rng.multivariate_normal(middle, covariance)).round(1).tolist()
        birds.append(make_penguin(values, categories))
    highest = model.probabilities(birds).max(axis=1)
    rows = [LabelledRow(0, bird, _PARENTS[0], {}) for bird in birds]
    return int((highest > 0.9).sum()), sum(is_unlike(distance, row) for row in rows)
