"""Which birds become a model's golden rows: every species, island and sex, and those it is least sure of."""

from collections.abc import Sequence
from typing import Final

from predictor.models.golden import Golden, GoldenRow
from predictor.penguin import Penguin
from predictor.training.dataset import Dataset
from predictor.training.parity import LIMIT
from predictor.training.pipeline import FittedModel

BORDERLINE: Final = 8
_DECIMALS: Final = 9

# Where no training bird was: the corners of what the service accepts, and a bird off its island.
_STRANGERS: Final = (
    Penguin(
        bill_length_mm=20.0, bill_depth_mm=5.0, flipper_length_mm=80.0, body_mass_g=500.0, sex="female", island="Dream"
    ),
    Penguin(
        bill_length_mm=160.0,
        bill_depth_mm=50.0,
        flipper_length_mm=450.0,
        body_mass_g=50_000.0,
        sex="male",
        island="Biscoe",
    ),
    Penguin(
        bill_length_mm=47.5,
        bill_depth_mm=15.0,
        flipper_length_mm=217.0,
        body_mass_g=5050.0,
        sex="female",
        island="Torgersen",
    ),
)


def choose_golden(model: FittedModel, dataset: Dataset) -> Golden:
    """The golden rows of a model, with its own answers to nine decimals."""
    penguins = list(dict.fromkeys([*_one_of_each(dataset), *_borderline(model, dataset), *_STRANGERS]))
    rows = [
        GoldenRow(penguin=penguin, probabilities=tuple(round(p, _DECIMALS) for p in row))
        for penguin, row in zip(penguins, model.probabilities(penguins).tolist(), strict=True)
    ]
    return Golden(classes=model.classes, tolerance=LIMIT, rows=tuple(rows))


def _one_of_each(dataset: Dataset) -> Sequence[Penguin]:
    """The first bird of every species, island and sex that there is, and the first of every species and year."""
    first: dict[tuple[object, ...], Penguin] = {}
    for bird in dataset.birds:
        first.setdefault((bird.species, bird.penguin.island, bird.penguin.sex), bird.penguin)
        first.setdefault((bird.species, bird.year), bird.penguin)
    return list(first.values())


def _borderline(model: FittedModel, dataset: Dataset) -> Sequence[Penguin]:
    penguins = dataset.penguins
    certainty = model.probabilities(penguins).max(axis=1).round(6).tolist()
    order = sorted(range(len(penguins)), key=lambda index: (certainty[index], index))
    return [penguins[index] for index in order[:BORDERLINE]]
