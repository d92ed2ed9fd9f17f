"""Why an answer is what it is: what each feature adds to its probability, and the reference rows nearest to it.

Contributions are exact Shapley values (Shapley 1953; for models Lundberg, Lee 2017, with an interventional background):
every feature is taken from the row in half of all coalitions, and from rows of the reference in the others. A category
is one feature. All coalitions are one batch for the engine. Importing this module imports numpy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import factorial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from predictor.batch import COMBINATION_INDEX, PenguinColumns
from predictor.penguin import LABEL, NOUN
from predictor.schema import CATEGORIES, COMBINATIONS, FEATURES, MEASUREMENTS, Categories
from predictor.trust.distance import Distance
from predictor.trust.reference import Bird, Reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = Callable[[PenguinColumns], NDArray[np.floating[Any]]]
    """An engine's probabilities, shape (rows, classes)."""

MAX_ROWS: Final = 65_536
"""Of all coalitions together, for a small background too; larger backgrounds are thinned out."""
NEIGHBOURS: Final = 3


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A reference row, and its distance from the explained one."""

    bird: Bird
    distance: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Of the probability of `target`: `contributions` by feature add up to it minus `baseline`.

    The baseline is the mean probability over the background.
    """

    target: str
    baseline: float
    contributions: dict[str, float]
    neighbours: tuple[Neighbour, ...]

    def document(self) -> dict[str, Any]:
        """As it stands in answers."""
        neighbours = [
            {
                LABEL: item.bird.label,
                "distance": round(item.distance, 3),
                NOUN: dict(zip(FEATURES, (*item.bird.measurements, *item.bird.categories), strict=True)),
            }
            for item in self.neighbours
        ]
        return {
            "target": self.target,
            "baseline": self.baseline,
            "contributions": self.contributions,
            "neighbours": neighbours,
        }


class Explainer:
    """Explains answers against a background of reference rows."""

    def __init__(self, reference: Reference, distance: Distance, classes: tuple[str, ...], *, whole: bool) -> None:
        """With `whole`, all birds of the reference are the background, else its stratified sample."""
        self._classes = classes
        self._features = reference.features
        self._birds = reference.birds
        self._distance = distance
        chosen = list(reference.birds) if whole else [reference.birds[index] for index in reference.background]
        most = max(1, MAX_ROWS // 2 ** len(FEATURES))
        step = -(-len(chosen) // most)
        self._background = _columns(chosen[::step])
        self._points = np.array(
            [distance.coordinates(reference.transform(bird.measurements)) for bird in reference.birds]
        )
        self._transform = reference.transform

    def explain(
        self, measurements: Sequence[float], categories: Categories, target: str, scores: "Scores"
    ) -> Explanation:
        """Of the probability of `target`. `scores`: what the engine answers to columns."""
        coalitions = _coalitions()
        rows = self._rows(np.array(measurements), categories, coalitions)
        probabilities = scores(rows)[:, self._classes.index(target)].astype(np.float64)
        values = probabilities.reshape(len(coalitions), len(self._background)).mean(axis=1)
        contributions = dict(zip(FEATURES, (_weights() @ values).tolist(), strict=True))
        return Explanation(
            target,
            float(values[0]),
            {name: contributions[name] for name in self._features},  # The model does not take the others: zero.
            self._neighbours(measurements),
        )

    def _rows(
        self, measurements: "NDArray[np.float64]", categories: Categories, coalitions: "NDArray[np.bool_]"
    ) -> PenguinColumns:
        """For each coalition all rows of the background, with the coalition's features taken from the row."""
        background = self._background
        taken = coalitions[:, None, :]
        numbers = np.where(taken[:, :, : len(MEASUREMENTS)], measurements, background.measurements[None])
        combinations = np.zeros((len(coalitions), len(background)), dtype=np.intp)
        own = COMBINATION_INDEX[categories]
        for index, stride, size in self._strides:
            indexes = np.where(taken[:, :, index], own // stride % size, background.combinations // stride % size)
            combinations += indexes * stride
        return PenguinColumns(numbers.reshape(-1, len(MEASUREMENTS)), combinations.reshape(-1))

    @cached_property
    def _strides(self) -> list[tuple[int, int, int]]:
        """Of each category: its index among the features, how far apart its values are in COMBINATIONS, how many."""
        found = []
        stride = len(COMBINATIONS)
        for index, values in enumerate(CATEGORIES.values(), start=len(MEASUREMENTS)):
            stride //= len(values)
            found.append((index, stride, len(values)))
        return found

    def _neighbours(self, measurements: Sequence[float]) -> tuple[Neighbour, ...]:
        point = np.array(self._distance.coordinates(self._transform(measurements)))
        distances = np.sqrt(((self._points - point) ** 2).sum(axis=1))
        nearest = np.argsort(distances, kind="stable")[:NEIGHBOURS].tolist()
        return tuple(Neighbour(self._birds[index], float(distances[index])) for index in nearest)


def _columns(birds: Sequence[Bird]) -> PenguinColumns:
    return PenguinColumns(
        np.array([bird.measurements for bird in birds], dtype=np.float64),
        np.array([COMBINATION_INDEX[bird.categories] for bird in birds], dtype=np.intp),
    )


def _coalitions() -> "NDArray[np.bool_]":
    """All subsets of the features, the empty one first and the full one last, shape (subsets, features)."""
    return np.array(list(product((False, True), repeat=len(FEATURES))))


def _weights() -> "NDArray[np.float64]":
    """What turns the coalitions' values into Shapley values, shape (features, coalitions)."""
    coalitions = _coalitions()
    count = len(FEATURES)
    sizes = coalitions.sum(axis=1)
    joining = np.array([factorial(size) * factorial(count - size - 1) / factorial(count) for size in range(count)])
    with_it = joining[np.maximum(sizes - 1, 0)]
    without_it = joining[np.minimum(sizes, count - 1)]
    weights: NDArray[np.float64] = np.where(coalitions, with_it[:, None], -without_it[:, None]).T
    return weights
