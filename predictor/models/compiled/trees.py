"""Evaluates ensembles of trees: QuickScorer (Lucchese et al., SIGIR 2015) on Python integers.

Each leaf of each tree is one bit, left to right. A node that sends a penguin right makes the leaves at its left
unreachable; whatever order the nodes are looked at, the lowest bit that is left of a tree is the penguin's leaf. So a
column needs its sorted thresholds, and for each interval between them one mask, in which the leaves that are then
unreachable are cleared in all trees at once. One penguin is one bisection and one AND per measurement; the categories'
masks are combined when the model is loaded. `predictor.models.compiled.cells` has the order of the bits.

For a batch the same masks are numpy arrays, with a row per interval. Importing this module imports neither numpy nor
ONNX Runtime: numpy is imported for the first batch.
"""

import struct
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property, reduce
from operator import and_, getitem
from typing import TYPE_CHECKING, Final

from predictor.models.compiled.cells import PAIRED, SHARED, Layout, Place, Segment, arrange
from predictor.models.compiled.form import ColumnSplits, TreesForm
from predictor.models.compiled.member import EnsembleMember
from predictor.models.compiled.sums import Sum
from predictor.models.engine import Engine
from predictor.penguin import Penguin
from predictor.schema import COMBINATIONS, MEASUREMENTS, Categories, categories_of, dummies, measurements_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from predictor.batch import PenguinColumns

    _Masks = NDArray[np.unsignedinteger]

_ONES: Final = bytes(byte.bit_count() for byte in range(256))
_BLOCK: Final = 256
"""So many penguins of a batch are evaluated at a time: what they need stays in the processor's cache."""


class TreesEngine(Engine):
    """Evaluates a `TreesForm`. Its answers are rounded to float32, as those of every form are."""

    name: Final = "compiled"
    runtime: Final = "trees"
    blocking: Final = False

    def __init__(self, form: TreesForm) -> None:
        self._members: list[EnsembleMember] = []
        self._sums: list[Sum] = []
        for member in form.members:
            self._members.append(EnsembleMember(member, len(self._sums)))
            self._sums += self._members[-1].sums
        self._others = self._members[1:]
        layout = arrange([part.values for part in self._sums])
        self._layout, self._leaves = layout, form.leaves
        self._segments = [_segment(segment) for segment in layout.segments]
        self._firsts, self._shared = _firsts(layout), _shared(layout)
        masks = {column.column: _masks(column, layout) for column in form.columns}
        thresholds = {column.column: column.thresholds for column in form.columns}
        self._columns = [
            (place, thresholds[name], masks[name]) for place, name in enumerate(MEASUREMENTS) if name in thresholds
        ]
        self._states: dict[Categories, int] = {}
        others = thresholds.keys() - set(MEASUREMENTS)
        everything = self._shared | _own(layout)
        for values in COMBINATIONS:
            known = dummies(values)
            chosen = [masks[name][bisect_left(thresholds[name], float(name in known))] for name in others]
            self._states[values] = reduce(and_, chosen, everything)
        self._float32 = struct.Struct(f"{form.members[0].classes}f")

    def probabilities(self, penguin: Penguin) -> list[float]:
        state = self._state(penguin)
        if self._firsts:
            # Of each tree with bits of its own, those below the lowest; the bytes of the others as they are.
            state = (~state & (state - self._firsts)) | (state & self._shared)
        data = state.to_bytes(self._layout.size, "little")
        totals = self._layout.constants.copy()
        for width, first, end, pieces in self._segments:
            part = data[first:end]
            cells = part if width == SHARED else _cells(part, width)
            for index, begin, stop, tables in pieces:
                totals[index] += sum(map(getitem, tables, cells[begin:stop]))
        answer = self._members[0].probabilities(totals)
        for member in self._others:
            answer = [a + b for a, b in zip(answer, member.probabilities(totals), strict=True)]
        return list(self._float32.unpack(self._float32.pack(*answer)))

    def _state(self, penguin: Penguin) -> int:
        measured = measurements_of(penguin)
        state = self._states[categories_of(penguin)]
        for place, thresholds, masks in self._columns:
            state &= masks[bisect_left(thresholds, measured[place])]
        return state

    def leaves(self, penguin: Penguin) -> list[int]:
        """For each tree, the leaf that the penguin reaches, counted from the left. To explain an answer, and slow."""
        state = self._state(penguin)
        found = []
        for place, count in zip(self._layout.places, self._leaves, strict=True):
            bits = state >> (place.byte * 8 + place.shift) & ((1 << count - 1) - 1) if place else 0
            found.append((bits & -bits).bit_length() - 1 if bits else count - 1)
        return found

    def batch_probabilities(self, columns: "PenguinColumns") -> "NDArray[np.float32]":
        import numpy as np

        blocks = [
            self._block(columns.measurements[start : start + _BLOCK], columns.combinations[start : start + _BLOCK])
            for start in range(0, len(columns), _BLOCK)
        ]
        return np.concatenate(blocks) if blocks else np.empty((0, self._float32.size // 4), dtype=np.float32)

    def _block(self, measurements: "NDArray[np.float64]", combinations: "NDArray[np.intp]") -> "NDArray[np.float32]":
        import numpy as np

        thresholds, segments = self._arrays
        intervals = [
            (found.searchsorted(measurements[:, place]), number) for number, (place, found) in enumerate(thresholds)
        ]
        totals = [
            [np.full(len(combinations), constant, np.int64) for constant in _words(part, constant)]
            for part, constant in zip(self._sums, self._layout.constants, strict=True)
        ]
        for width, states, masks, pieces in segments:
            state = states.take(combinations, axis=0)
            for interval, number in intervals:
                state &= masks[number].take(interval, axis=0)
            cells = _batch_cells(state, width)
            for index, begin, stop, starts, tables in pieces:
                places = cells[:, begin:stop] + starts
                for word, table in enumerate(tables):
                    totals[index][word] += table.take(places).sum(axis=1)
        answer = sum(member.batch_probabilities(totals) for member in self._members)
        return np.ascontiguousarray(answer.T, dtype=np.float32)  # type: ignore[union-attr]  # There is a member.

    @cached_property
    def _arrays(self) -> "tuple[list[tuple[int, NDArray[np.float64]]], list[_ArraySegment]]":
        """The place and the thresholds of each measurement, and for each segment its masks and tables as arrays.

        Masks have a row per combination or interval, and a number per tree or shared byte.
        """
        import numpy as np

        def rows(masks: Sequence[int], segment: Segment) -> "_Masks":
            data = b"".join(mask.to_bytes(self._layout.size, "little")[segment.first : segment.end] for mask in masks)
            dtype = np.dtype(f"<u{segment.width}")
            return np.frombuffer(data, dtype).reshape(len(masks), -1).astype(dtype.newbyteorder("="))

        segments: list[_ArraySegment] = []
        states = [self._states[values] for values in COMBINATIONS]
        for segment in self._layout.segments:
            pieces = []
            for piece in segment.pieces:
                part = self._sums[piece.sum]
                starts = np.cumsum([0, *map(len, piece.tables[:-1])], dtype=np.intp)
                words = zip(*(_words(part, value) for table in piece.tables for value in table), strict=True)
                tables = [np.array(word, np.int64) for word in words]
                pieces.append((piece.sum, piece.start, piece.end, starts, tables))
            masks = [rows(column, segment) for _, _, column in self._columns]
            segments.append((segment.width, rows(states, segment), masks, pieces))
        return [(place, np.array(thresholds)) for place, thresholds, _ in self._columns], segments


if TYPE_CHECKING:
    _ArrayPiece = tuple[int, int, int, NDArray[np.intp], list[NDArray[np.int64]]]
    _ArraySegment = tuple[int, _Masks, list[_Masks], list[_ArrayPiece]]


def _segment(segment: Segment) -> tuple[int, int, int, list[tuple[int, int, int, list[list[int]]]]]:
    """As a tuple: it is unpacked faster than attributes are read."""
    pieces = [(piece.sum, piece.start, piece.end, piece.tables) for piece in segment.pieces]
    return segment.width, segment.first, segment.end, pieces


def _cells(below: bytes, width: int) -> bytes:
    """The index of each look-up, from the bits below the lowest of each tree: their number is its leaf."""
    counts = below.translate(_ONES)
    number = int.from_bytes
    # All trees at once, as one integer of a byte per look-up: no byte of it overflows.
    if width == PAIRED:
        firsts = number(counts[::4], "little") + number(counts[1::4], "little")
        seconds = number(counts[2::4], "little") + number(counts[3::4], "little")
        return (16 * firsts + seconds).to_bytes(len(below) // 4, "little")
    leaves = number(counts[::width], "little")
    for place in range(1, width):
        leaves += number(counts[place::width], "little")
    return leaves.to_bytes(len(below) // width, "little")


def _batch_cells(state: "_Masks", width: int) -> "_Masks":
    import numpy as np

    if width == SHARED:
        return state
    leaves: NDArray[np.uint8] = np.bitwise_count(~state & (state - state.dtype.type(1)))
    return 16 * leaves[:, ::2] + leaves[:, 1::2] if width == PAIRED else leaves


def _words(part: Sum, value: int) -> list[int]:
    """An integer of the sum as the words of which numpy makes arrays."""
    mask = (1 << part.word_bits) - 1
    return [value >> part.word_bits * word & mask for word in range(part.words)]


def _firsts(layout: Layout) -> int:
    """The first bit of each tree that has bytes of its own."""
    data = bytearray(layout.size)
    for segment in layout.segments:
        if segment.width != SHARED:
            data[segment.first : segment.end : segment.width] = b"\1" * ((segment.end - segment.first) // segment.width)
    return int.from_bytes(data, "little")


def _own(layout: Layout) -> int:
    """All bits of trees that have bytes of their own."""
    data = bytearray(layout.size)
    for segment in layout.segments:
        if segment.width != SHARED:
            data[segment.first : segment.end] = b"\xff" * (segment.end - segment.first)
    return int.from_bytes(data, "little")


def _shared(layout: Layout) -> int:
    """All bits of trees that share bytes. Some of these bytes are not full."""
    data = bytearray(layout.size)
    for segment in layout.segments:
        if segment.width == SHARED:
            tables = [table for piece in segment.pieces for table in piece.tables]
            data[segment.first : segment.end] = bytes(len(table) - 1 for table in tables)
    return int.from_bytes(data, "little")


def _masks(column: ColumnSplits, layout: Layout) -> list[int]:
    """The mask of each interval: of the values up to the first threshold, up to the second, ..., over the last."""
    mask = bytearray(b"\xff" * layout.size)
    masks = [int.from_bytes(mask, "little")]
    for splits in column.splits:
        for tree, first, end in splits:
            place = layout.places[tree]
            if place is not None:  # As for every tree that splits.
                _clear(mask, place, (1 << end) - (1 << first))
        masks.append(int.from_bytes(mask, "little"))
    return masks


def _clear(mask: bytearray, place: Place, bits: int) -> None:
    bits <<= place.shift
    if place.width == 1:
        mask[place.byte] &= ~bits
        return
    where = slice(place.byte, place.byte + place.width)
    mask[where] = (int.from_bytes(mask[where], "little") & ~bits).to_bytes(place.width, "little")
