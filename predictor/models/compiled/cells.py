"""Where each tree has its bits, and how many trees are looked up at once.

The leaf of a tree is the lowest bit that is left of it. One look-up takes one byte, and the fewer look-ups, the faster
an answer. So trees share bytes: what costs time is no longer how many trees there are, but how many leaves they have.

| leaves | bits of a tree | in a look-up |
|---|---|---|
| 1 | none: it is added once | |
| 2 to 9 | one fewer than leaves: if none is left, it is the last | those of as many trees as fit into the byte |
| 10 to 16 | two bytes | two trees: 16 times the leaf of the first, plus the leaf of the second |
| 17 to 32, to 64 | four, eight bytes | one tree: its leaf |
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

SHARED: Final = 1
PAIRED: Final = 2
WIDTHS: Final = (SHARED, PAIRED, 4, 8)
"""Bytes per tree, or a byte for several."""
MOST_LEAVES: Final = {SHARED: 9, PAIRED: 16, 4: 32, 8: 64}
_PAIR: Final = 16

Tree = Sequence[int]
"""What each leaf of a tree adds, from left to right."""


@dataclass(frozen=True, slots=True)
class Place:
    """The bits of a tree: the byte where they begin, how many bytes they are in, and the first bit in them."""

    byte: int
    width: int
    shift: int


@dataclass(frozen=True, slots=True)
class Piece:
    """The look-ups of one sum in one segment: from `start` to `end`, with a table for each."""

    sum: int
    start: int
    end: int
    tables: list[list[int]]


@dataclass(frozen=True, slots=True)
class Segment:
    """All trees of one width, those of each sum together. `first` and `end` are bytes."""

    width: int
    first: int
    end: int
    pieces: list[Piece]


@dataclass(slots=True)
class Layout:
    """`places` has an entry per tree, None for a tree of one leaf; those are in `constants`, an entry per sum."""

    places: list[Place | None]
    constants: list[int]
    segments: list[Segment] = field(default_factory=list)
    size: int = 0


def arrange(sums: Sequence[Sequence[Tree]]) -> Layout:
    """`sums` has the trees of each sum, which are numbered through all of them in their order."""
    trees = [tree for group in sums for tree in group]
    constants = [sum(tree[0] for tree in group if len(tree) == 1) for group in sums]
    layout = Layout([None] * len(trees), constants)
    for width in WIDTHS:
        first, cells, pieces = layout.size, 0, []
        offset = 0
        for index, group in enumerate(sums):
            own = [offset + n for n, tree in enumerate(group) if len(tree) > 1 and width_of(len(tree)) == width]
            offset += len(group)
            tables = [_place(shared, trees, width, layout) for shared in _together(own, trees, width)]
            if tables:
                pieces.append(Piece(index, cells, cells + len(tables), tables))
                cells += len(tables)
        if pieces:
            layout.segments.append(Segment(width, first, layout.size, pieces))
    return layout


def width_of(leaves: int) -> int:
    return next(width for width in WIDTHS if leaves <= MOST_LEAVES[width])


def _together(own: list[int], trees: Sequence[Tree], width: int) -> Iterator[list[int]]:
    """The numbers of the trees that are looked up together."""
    if width != SHARED:
        count = 2 if width == PAIRED else 1
        yield from (own[start : start + count] for start in range(0, len(own), count))
        return
    # Largest first, each into the first byte that has room.
    bytes_: list[list[int]] = []
    room: list[int] = []
    for number in sorted(own, key=lambda number: -len(trees[number])):
        bits = len(trees[number]) - 1
        place = next((place for place, left in enumerate(room) if left >= bits), len(room))
        if place == len(room):
            bytes_.append([])
            room.append(8)
        bytes_[place].append(number)
        room[place] -= bits
    yield from bytes_


def _place(numbers: list[int], trees: Sequence[Tree], width: int, layout: Layout) -> list[int]:
    """Give these trees their bits, at the end of the layout, and make the table of their look-up."""
    first = layout.size
    if width != SHARED:
        layout.size += width * (2 if width == PAIRED else 1)
        for place, number in enumerate(numbers):
            layout.places[number] = Place(first + width * place, width, 0)
        if width != PAIRED:
            return list(trees[numbers[0]])
        one, other = trees[numbers[0]], trees[numbers[1]] if len(numbers) > 1 else (0,)
        row = [*other, *[0] * (_PAIR - len(other))]
        return [value + added for value in one for added in row]
    layout.size += 1
    table, shift = [0], 0
    for number in numbers:
        tree = trees[number]
        layout.places[number] = Place(first, 1, shift)
        shift += len(tree) - 1
        values = [tree[leaf] for leaf in _LEAVES[len(tree) - 1]]
        table = [before + value for value in values for before in table]
    return table


def _lowest_bits(bits: int) -> list[int]:
    """For each number of so many bits, the place of its lowest bit; of 0, one more than the last place."""
    return [(number & -number).bit_length() - 1 if number else bits for number in range(1 << bits)]


_LEAVES: Final = [_lowest_bits(bits) for bits in range(9)]
