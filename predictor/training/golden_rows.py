"""Which rows become a model's golden rows: every label and combination of categories, and the least certain rows."""

from collections.abc import Iterator, Sequence
from typing import Final

from predictor.models import Golden, GoldenRow
from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, COMBINATIONS, RANGES, categories_of, make_penguin
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import PublishableModel
from predictor.training.parity import LIMIT

LEAST_CERTAIN: Final = 8
_DECIMALS: Final = 9


def choose_golden(model: PublishableModel, dataset: Dataset) -> Golden:
    """The golden rows of a model, with its own answers to nine decimals."""
    chosen = [*_one_of_each(dataset), *_least_certain(model, dataset), *_outside(dataset)]
    penguins = list(dict.fromkeys(chosen))
    rows = [
        GoldenRow(penguin=penguin, probabilities=tuple(round(p, _DECIMALS) for p in row))
        for penguin, row in zip(penguins, model.probabilities(penguins).tolist(), strict=True)
    ]
    return Golden(classes=model.classes, tolerance=LIMIT, rows=tuple(rows))


def _one_of_each(dataset: Dataset) -> Sequence[Penguin]:
    """The first row of every label and combination of categories that there is."""
    first: dict[tuple[object, ...], Penguin] = {}
    for row in dataset.rows:
        first.setdefault((row.label, categories_of(row.penguin)), row.penguin)
    return list(first.values())


def _least_certain(model: PublishableModel, dataset: Dataset) -> Sequence[Penguin]:
    penguins = dataset.penguins
    certainty = model.probabilities(penguins).max(axis=1).round(6).tolist()
    order = sorted(range(len(penguins)), key=lambda index: (certainty[index], index))
    return [penguins[index] for index in order[:LEAST_CERTAIN]]


def _outside(dataset: Dataset) -> Iterator[Penguin]:
    """Where no training row is: the corners of what the service accepts, and a row with categories it does not have."""
    for corner, categories in ((0, COMBINATIONS[0]), (1, COMBINATIONS[-1])):
        yield make_penguin([bounds[corner] for bounds in RANGES.values()], categories)
    last = dataset.penguins[-1]
    other = next((values for values in COMBINATIONS if values != categories_of(last)), categories_of(last))
    yield last.model_copy(update=dict(zip(CATEGORIES, other, strict=True)))
