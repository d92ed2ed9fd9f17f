"""What trees add up to, in whole numbers: exact, so that neither their order nor the processor matters.

Every value of a leaf becomes a fixed-point number. Where a leaf adds to several scores, they are packed side by side
into one integer, so that one `sum` adds all of them. Python adds integers of up to 62 bits in two thirds of the time of
longer ones, so a forest keeps one class less: the last one is what the others leave of the whole.
"""

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import getitem
from typing import TYPE_CHECKING, Final

from predictor.models.compiled.form import Member

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD_BITS: Final = 62
_PACKED_BITS: Final = _WORD_BITS // 2
_SAME: Final = 1e-9

Tree = Sequence[Sequence[float]]
"""The leaves of a tree, each with what it adds to each score."""


def sums_of(member: Member) -> list["Sum"]:
    """One sum per score where each tree adds to one of them, else one sum for all."""
    if not member.separate:
        return [_shares(member.trees) or _lanes(member.trees)]
    size = len(member.trees) // len(member.base)
    return [_lanes(member.trees[start : start + size]) for start in range(0, len(member.trees), size or 1)] or [
        _lanes(()) for _ in member.base
    ]


class Sum:
    """The sum of one value per tree. A value holds a lane per score, `bits` wide, in units of 2**-exponent."""

    def __init__(
        self, values: Sequence[Sequence[Sequence[int]]], bits: int, exponent: int, offsets: Sequence[float], whole: int
    ) -> None:
        """`values`: per tree, leaf and lane. `offsets` are added per lane. `whole`: see `_shares`; else 0."""
        self.trees = len(values)
        self._tables = [
            tuple(sum(value << bits * lane for lane, value in enumerate(leaf)) for leaf in tree) for tree in values
        ]
        self._bits = bits
        self._unit = math.ldexp(1.0, -exponent)
        self._offsets = tuple(offsets)
        self._whole = whole

    def scores(self, leaves: Iterable[int]) -> list[float]:
        """What one penguin's leaves add up to. Takes only as many from an iterator as there are trees."""
        total = sum(map(getitem, self._tables, leaves))
        unit, bits = self._unit, self._bits
        if len(self._offsets) == 1 and not self._whole:
            return [total * unit + self._offsets[0]]
        mask = (1 << bits) - 1
        lanes = [total >> bits * lane & mask for lane in range(len(self._offsets))]
        scores = [lane * unit + offset for lane, offset in zip(lanes, self._offsets, strict=True)]
        if self._whole:
            scores.append((self._whole - sum(lanes)) * unit)
        return scores

    def batch_scores(self, leaves: "NDArray[np.uint8]") -> "list[NDArray[np.float64]]":
        """What the leaves of many penguins add up to, an array per score. `leaves` has a row per penguin."""
        words, starts, width = self._arrays
        per_word = width // self._bits
        places = leaves + starts
        lanes = []
        left = len(self._offsets)
        for word in words:
            totals = word.take(places).sum(axis=1)
            count = min(left, per_word)
            lanes += [totals >> self._bits * lane & ((1 << self._bits) - 1) for lane in range(count)]
            left -= count
        scores = [lane * self._unit + offset for lane, offset in zip(lanes, self._offsets, strict=True)]
        if self._whole:
            scores.append((self._whole - sum(lanes)) * self._unit)
        return scores

    @cached_property
    def _arrays(self) -> "tuple[list[NDArray[np.int64]], NDArray[np.intp], int]":
        """The tables one after the other, as arrays of as many whole lanes as 62 bits hold; where each table begins."""
        import numpy as np

        width = _WORD_BITS // self._bits * self._bits
        values = [value for table in self._tables for value in table]
        count = -(-len(self._offsets) * self._bits // width)
        words = [np.array([v >> width * word & ((1 << width) - 1) for v in values], np.int64) for word in range(count)]
        starts = np.cumsum([0, *(len(table) for table in self._tables[:-1])], dtype=np.intp)[: self.trees]
        return words, starts, width


def _lanes(trees: Sequence[Tree]) -> Sum:
    """A lane per score. Each tree's lowest value is taken off it, so that lanes hold no negative numbers."""
    scores = len(trees[0][0]) if trees else 1
    columns = [[[leaf[score] for leaf in tree] for tree in trees] for score in range(scores)]
    offsets = [math.fsum(min(tree) for tree in column) for column in columns]
    ranges = [math.fsum(max(tree) - min(tree) for tree in column) for column in columns]
    bits = _WORD_BITS if scores == 1 else _PACKED_BITS
    exponent = _exponent(max(ranges), bits, len(trees))
    values = [
        [[_whole_number(value - min(lane), exponent) for value, lane in zip(leaf, zip(*tree, strict=True), strict=True)]
         for leaf in tree]
        for tree in trees
    ]  # fmt: skip
    return Sum(values, bits, exponent, offsets, whole=0)


def _shares(trees: Sequence[Tree]) -> Sum | None:
    """Trees whose leaves are shares of the same whole: the last score is the whole without the others.

    A leaf's shares are rounded so that their sum is exactly the tree's. None for any other trees.
    """
    if not trees or len(trees[0][0]) < 2 or any(min(leaf) < 0 for tree in trees for leaf in tree):
        return None
    sums = [[math.fsum(leaf) for leaf in tree] for tree in trees]
    if any(max(row) - min(row) > _SAME * max(row) for row in sums):
        return None
    bits = _WORD_BITS if len(trees[0][0]) == 2 else _PACKED_BITS
    exponent = _exponent(math.fsum(row[0] for row in sums), bits, len(trees))
    wholes = [_whole_number(row[0], exponent) for row in sums]
    pairs = zip(trees, wholes, strict=True)
    values = [[_rounded(leaf, whole, exponent)[:-1] for leaf in tree] for tree, whole in pairs]
    return Sum(values, bits, exponent, [0.0] * (len(trees[0][0]) - 1), sum(wholes))


def _rounded(leaf: Sequence[float], whole: int, exponent: int) -> list[int]:
    shares = [_whole_number(value, exponent) for value in leaf]
    shares[shares.index(max(shares))] += whole - sum(shares)  # Not to a share of 0: it stays 0.
    return shares


def _exponent(largest: float, bits: int, trees: int) -> int:
    """The finest unit, as a power of two, in which `largest`, rounded once per tree, stays within a lane."""
    exponent = bits - 1
    while math.ldexp(largest, exponent) + trees >= 1 << bits:
        exponent -= 1
    return exponent


def _whole_number(value: float, exponent: int) -> int:
    return round(math.ldexp(value, exponent))
