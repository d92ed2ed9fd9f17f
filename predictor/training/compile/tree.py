"""A tree as it is read from a library, before it is compiled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from predictor.models.compiled import Curve, Line, Link

LEAF = -1


@dataclass(frozen=True, slots=True)
class Tree:
    """A list entry per node, the root first. A value of `columns[node]` up to `thresholds[node]` goes to `lefts[node]`.

    The value is the double that the service was given: readers translate the comparison of their library into this one
    (`predictor.training.compile.thresholds`). Where `lefts` is LEAF, `values` is what the leaf adds to each score.
    A node of `more` has further columns: a penguin goes right if its value in one of them is over the threshold.
    """

    columns: Sequence[int]
    thresholds: Sequence[float]
    lefts: Sequence[int]
    rights: Sequence[int]
    values: Sequence[tuple[float, ...]]
    more: Mapping[int, Sequence[int]] = field(default_factory=dict)

    def leaf(self, row: Sequence[float]) -> int:
        """The node that a row of values ends at."""
        node = 0
        while self.lefts[node] != LEAF:
            left = row[self.columns[node]] <= self.thresholds[node]
            node = self.lefts[node] if left else self.rights[node]
        return node

    def scaled(self, factor: float) -> "Tree":
        return replace(self, values=[tuple(factor * value for value in leaf) for leaf in self.values])


@dataclass(frozen=True, slots=True)
class TreeModel:
    """One model made of trees; the fields are those of `predictor.models.compiled.Member`."""

    trees: Sequence[Tree]
    base: tuple[float, ...]
    link: Link = "none"
    weight: float = 1.0
    separate: bool = False
    calibration: tuple[Line, ...] | tuple[Curve, ...] = ()
    calibration_link: Link = "none"

    @property
    def is_mean(self) -> bool:
        """Whether its leaves are probabilities, so that its weight can be taken into them."""
        return self.link == "none" and not self.separate and not self.calibration


class Unsupported(Exception):
    """Something in a model that no form expresses; the message says what."""
