"""Prediction sets and abstention on birds that neither the model nor the reference has seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.trust_novelty import subset
from predictor.penguin import SPECIES
from predictor.schema import categories_of, measurements_of
from predictor.training.dataset import Dataset, LabelledRow
from predictor.training.penguin_pipeline import fit
from predictor.training.reference import reference_of
from predictor.trust.assessment import Assessor

COVERAGES = (0.8, 0.9, 0.95, 0.99)
TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class SetFigures:
    """`coverage` and `size` of the sets by their stated coverage; birds answered, and wrong among them."""

    birds: int
    coverage: dict[float, float]
    size: dict[float, float]
    answered: int
    wrong: int


def measure_split(kept: Dataset, away: Sequence[LabelledRow]) -> SetFigures:
    model = fit(kept.penguins, kept.labels)
    assessor = Assessor(reference_of(model, kept), model.classes)
    probabilities = model.probabilities([row.penguin for row in away]).tolist()
    covered = dict.fromkeys(COVERAGES, 0)
    sizes = dict.fromkeys(COVERAGES, 0)
    answered = wrong = 0
    for row, own in zip(away, probabilities, strict=True):
        measurements, categories = measurements_of(row.penguin), categories_of(row.penguin)
        for coverage in COVERAGES:
            members = assessor.assess(measurements, categories, own, coverage).prediction_set or ()
            covered[coverage] += row.label in members
            sizes[coverage] += len(members)
        if not assessor.assess(measurements, categories, own).abstain:
            answered += 1
            wrong += model.classes[own.index(max(own))] != row.label
    count = len(away)
    return SetFigures(
        count,
        {coverage: hits / count for coverage, hits in covered.items()},
        {coverage: size / count for coverage, size in sizes.items()},
        answered,
        wrong,
    )


def random_splits(dataset: Dataset, rng: np.random.Generator, count: int) -> list[SetFigures]:
    """A fifth of each species is held out."""
    found = []
    for _ in range(count):
        away: set[int] = set()
        for name in SPECIES:
            own = [index for index, row in enumerate(dataset.rows) if row.label == name]
            away |= set(rng.permutation(own)[: round(TEST_SHARE * len(own))].tolist())
        kept = subset(dataset, (row for index, row in enumerate(dataset.rows) if index not in away))
        found.append(measure_split(kept, [dataset.rows[index] for index in sorted(away)]))
    return found


def years_left_out(dataset: Dataset) -> dict[str, SetFigures]:
    found = {}
    for year in sorted({row.extra["year"] for row in dataset.rows}):
        kept = subset(dataset, (row for row in dataset.rows if row.extra["year"] != year))
        found[year] = measure_split(kept, [row for row in dataset.rows if row.extra["year"] == year])
    return found
