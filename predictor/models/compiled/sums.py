"""What trees add up to, in whole numbers: exact, so that neither their order nor the processor matters.

Every value of a leaf becomes a fixed-point number. Where a leaf adds to several scores, they are packed side by side
into one integer, so that one `sum` adds all of them. Python adds integers of up to 62 bits in two thirds of the time of
longer ones, so a forest keeps one class less: the last one is what the others leave of the whole.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from predictor.models.compiled.form import Member

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORD_BITS: Final = 62
_PACKED_BITS: Final = WORD_BITS // 2
_SAME: Final = 1e-9

Tree = Sequence[Sequence[float]]
"""The leaves of a tree, each with what it adds to each score."""


def sums_of(member: Member) -> list["Sum"]:
    """One sum per score where each tree adds to one of them, else one sum for all."""
    if not member.separate:
        # A curve may be very steep.
        bits = WORD_BITS if len(member.base) == 1 or member.curves else _PACKED_BITS
        return [_shares(member.trees, member.base, bits) or _lanes(member.trees, member.base, bits)]
    size = len(member.trees) // len(member.base)
    return [
        _lanes(member.trees[score * size : (score + 1) * size], (base,), WORD_BITS)
        for score, base in enumerate(member.base)
    ]


class Sum:
    """A sum of one integer per tree, with a lane per score, each `bits` wide, in units of 2**-exponent."""

    def __init__(
        self, lanes: Sequence[Sequence[Sequence[int]]], bits: int, exponent: int, offsets: Sequence[float], whole: int
    ) -> None:
        """`lanes`: per tree, leaf and lane. `offsets` are added to the scores. `whole`: see `_shares`; else 0."""
        self.values = [
            tuple(sum(value << bits * lane for lane, value in enumerate(leaf)) for leaf in tree) for tree in lanes
        ]
        """Per tree, what each of its leaves adds."""
        self._mask = (1 << bits) - 1
        self.unit = math.ldexp(1.0, -exponent)
        self.offset = offsets[0]
        self._offsets = tuple(offsets)
        self._shifts = range(0, bits * (len(offsets) - (whole > 0)), bits)
        self._whole = whole
        self._simple = len(offsets) == 1
        self.word_bits = WORD_BITS // bits * bits
        """As many whole lanes as an int64 holds."""
        self.words = -(-len(self._shifts) * bits // self.word_bits)

    def scores(self, total: int) -> list[float]:
        unit = self.unit
        if self._simple:
            return [total * unit + self.offset]
        mask = self._mask
        lanes = [total >> shift & mask for shift in self._shifts]
        if self._whole:
            lanes.append(self._whole - sum(lanes))
        return [lane * unit + offset for lane, offset in zip(lanes, self._offsets, strict=True)]

    def batch_scores(self, totals: "Sequence[NDArray[np.int64]]") -> "list[NDArray[np.floating]]":
        """From the totals of many penguins, an array per word, to an array per score."""
        places = [divmod(shift, self.word_bits) for shift in self._shifts]
        lanes = [totals[word] >> shift & self._mask for word, shift in places]
        if self._whole:
            rest = self._whole - lanes[0]
            for lane in lanes[1:]:
                rest -= lane
            lanes.append(rest)
        return [lane * self.unit + offset for lane, offset in zip(lanes, self._offsets, strict=True)]


def _lanes(trees: Sequence[Tree], base: Sequence[float], bits: int) -> Sum:
    """A lane per score. Each tree's lowest value is taken off it, so that lanes hold no negative numbers."""
    columns = [[[leaf[score] for leaf in tree] for tree in trees] for score in range(len(base))]
    lowest = [list(map(min, column)) for column in columns]
    offsets = [math.fsum((start, *values)) for start, values in zip(base, lowest, strict=True)]
    ranges = [
        math.fsum(max(tree) - least for tree, least in zip(column, values, strict=True))
        for column, values in zip(columns, lowest, strict=True)
    ]
    exponent = _exponent(max(ranges), bits, len(trees))
    lanes = [
        [[_whole_number(value - least, exponent) for value, least in zip(leaf, row, strict=True)] for leaf in tree]
        for tree, row in zip(trees, zip(*lowest, strict=True), strict=True)
    ]
    return Sum(lanes, bits, exponent, offsets, whole=0)


def _shares(trees: Sequence[Tree], base: Sequence[float], bits: int) -> Sum | None:
    """Trees whose leaves are shares of the same whole: the last score is the whole without the others.

    A leaf's shares are rounded so that their sum is exactly the tree's. None for any other trees.
    """
    if not trees or len(base) < 2 or any(min(leaf) < 0 for tree in trees for leaf in tree):
        return None
    sums = [list(map(math.fsum, tree)) for tree in trees]
    if any(max(row) - min(row) > _SAME * max(row) for row in sums):
        return None
    bits = WORD_BITS if len(base) == 2 else bits
    exponent = _exponent(math.fsum(row[0] for row in sums), bits, len(trees))
    wholes = [_whole_number(row[0], exponent) for row in sums]
    pairs = zip(trees, wholes, strict=True)
    lanes = [[_rounded(leaf, whole, exponent)[:-1] for leaf in tree] for tree, whole in pairs]
    return Sum(lanes, bits, exponent, base, sum(wholes))


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
