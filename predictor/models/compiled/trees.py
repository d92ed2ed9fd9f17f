"""Evaluates ensembles of trees: QuickScorer (Lucchese et al., SIGIR 2015) on Python integers.

Each leaf of each tree is one bit, left to right. A node that sends a penguin right makes the leaves at its left
unreachable; whatever order the nodes are looked at, the lowest bit that is left of a tree is the penguin's leaf. So a
column needs its sorted thresholds, and for each interval between them one mask, in which the leaves that are then
unreachable are cleared in all trees at once. One penguin is one bisection and one AND per measurement; the categories'
masks are combined when the model is loaded.

For a batch the same masks are numpy arrays, with a row per interval. Importing this module imports neither numpy nor
ONNX Runtime: numpy is imported for the first batch.
"""

import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property, reduce
from operator import and_
from typing import TYPE_CHECKING, Final

from predictor.models.compiled import links
from predictor.models.compiled.form import ColumnSplits, Member, TreesForm
from predictor.models.compiled.sums import sums_of
from predictor.penguin import Penguin
from predictor.schema import COMBINATIONS, MEASUREMENTS, Categories, categories_of, dummies, measurements_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from predictor.batch import PenguinColumns

    _Masks = NDArray[np.unsignedinteger]

_TRAILING_ZEROS: Final = bytes((byte & -byte).bit_length() - 1 if byte else 8 for byte in range(256))
_ONES: Final = bytes(byte.bit_count() for byte in range(256))
_BLOCK: Final = 256
"""So many penguins of a batch are evaluated at a time: what they need stays in the processor's cache."""


class TreesEngine:
    """Evaluates a `TreesForm`. Its answers are rounded to float32, as those of every form are."""

    name: Final = "compiled"
    runtime: Final = "trees"
    blocking: Final = False

    def __init__(self, form: TreesForm) -> None:
        self._trees = len(form.leaves)
        self._width = lane_width(form.leaves)
        size = self._trees * self._width
        self._size = size
        self._ones = int.from_bytes(b"\1".ljust(self._width, b"\0") * self._trees, "little")
        self._everything = int.from_bytes(b"\xff" * size, "little")
        masks = {column.column: _masks(column, self._trees, self._width) for column in form.columns}
        thresholds = {column.column: column.thresholds for column in form.columns}
        self._columns = [
            (place, thresholds[name], masks[name]) for place, name in enumerate(MEASUREMENTS) if name in thresholds
        ]
        self._states: dict[Categories, int] = {}
        others = thresholds.keys() - set(MEASUREMENTS)
        for values in COMBINATIONS:
            known = dummies(values)
            chosen = [masks[name][bisect_left(thresholds[name], float(name in known))] for name in others]
            self._states[values] = reduce(and_, chosen, self._everything)
        self._members = [_Member(member) for member in form.members]
        self._float32 = struct.Struct(f"{form.members[0].classes}f")

    def probabilities(self, penguin: Penguin) -> list[float]:
        leaves = iter(self.leaves(penguin))
        first, *others = self._members
        answer = first.probabilities(leaves)
        for member in others:
            answer = [a + b for a, b in zip(answer, member.probabilities(leaves), strict=True)]
        return list(self._float32.unpack(self._float32.pack(*answer)))

    def leaves(self, penguin: Penguin) -> bytes:
        """For each tree, the leaf that the penguin reaches, counted from the left."""
        measured = measurements_of(penguin)
        state = self._states[categories_of(penguin)]
        for place, thresholds, masks in self._columns:
            state &= masks[bisect_left(thresholds, measured[place])]
        width = self._width
        if width == 1:
            return state.to_bytes(self._size, "little").translate(_TRAILING_ZEROS)
        # The bits below the lowest one of each tree, counted: at most 64, so that no byte overflows.
        below = (~state & (state - self._ones)).to_bytes(self._size, "little").translate(_ONES)
        counts = sum(int.from_bytes(below[start::width], "little") for start in range(width))
        return counts.to_bytes(self._trees, "little")

    def batch_probabilities(self, columns: "PenguinColumns") -> "NDArray[np.float32]":
        import numpy as np

        blocks = [
            self._block(columns.measurements[start : start + _BLOCK], columns.combinations[start : start + _BLOCK])
            for start in range(0, len(columns), _BLOCK)
        ]
        return np.concatenate(blocks) if blocks else np.empty((0, self._float32.size // 4), dtype=np.float32)

    def batch_leaves(
        self, measurements: "NDArray[np.float64]", combinations: "NDArray[np.intp]"
    ) -> "NDArray[np.uint8]":
        """The same as `leaves`, with a row per penguin."""
        import numpy as np

        states, columns = self._arrays
        state = states.take(combinations, axis=0)
        for place, thresholds, masks in columns:
            state &= masks.take(thresholds.searchsorted(measurements[:, place]), axis=0)
        leaves: NDArray[np.uint8] = np.bitwise_count(~state & (state - state.dtype.type(1)))
        return leaves

    def _block(self, measurements: "NDArray[np.float64]", combinations: "NDArray[np.intp]") -> "NDArray[np.float32]":
        import numpy as np

        leaves = self.batch_leaves(measurements, combinations)
        answer = np.zeros((self._float32.size // 4, len(combinations)))
        start = 0
        for member in self._members:
            answer += member.batch_probabilities(leaves[:, start : start + member.trees])
            start += member.trees
        return np.ascontiguousarray(answer.T, dtype=np.float32)

    @cached_property
    def _arrays(self) -> "tuple[_Masks, list[tuple[int, NDArray[np.float64], _Masks]]]":
        """The masks of the combinations, in their order, and each measurement's place, thresholds and masks.

        Masks have a row per combination or interval, and a number per tree.
        """
        import numpy as np

        def rows(masks: Sequence[int]) -> "_Masks":
            data = b"".join(mask.to_bytes(self._size, "little") for mask in masks)
            dtype = np.dtype(f"<u{self._width}")
            return np.frombuffer(data, dtype).reshape(len(masks), self._trees).astype(dtype.newbyteorder("="))

        states = rows([self._states[values] for values in COMBINATIONS])
        return states, [(place, np.array(thresholds), rows(masks)) for place, thresholds, masks in self._columns]


class _Member:
    """One member of the ensemble: from the leaves of its trees to probabilities, times its weight."""

    def __init__(self, member: Member) -> None:
        self.trees = len(member.trees)
        self._sums = sums_of(member)
        self._member = member
        self._weight, self._base, self._link = member.weight, member.base, member.link

    def probabilities(self, leaves: Iterable[int]) -> Sequence[float]:
        member = self._member
        scores = [score for part in self._sums for score in part.scores(leaves)]
        shares = links.probabilities(self._link, [a + b for a, b in zip(scores, self._base, strict=True)])
        if member.calibration:
            scores = [slope * share + shift for share, (slope, shift) in zip(shares, member.calibration, strict=True)]
            shares = links.probabilities(member.calibration_link, scores)
        weight = self._weight
        return shares if weight == 1.0 else [weight * share for share in shares]

    def batch_probabilities(self, leaves: "NDArray[np.uint8]") -> "NDArray[np.float64]":
        import numpy as np

        member = self._member
        scores, start = [], 0
        for part in self._sums:
            scores += part.batch_scores(leaves[:, start : start + part.trees])
            start += part.trees
        shares = links.batch_probabilities(self._link, np.array(scores) + np.array(self._base)[:, np.newaxis])
        if member.calibration:
            slopes, shifts = np.array(member.calibration).T[:, :, np.newaxis]
            shares = links.batch_probabilities(member.calibration_link, slopes * shares + shifts)
        return self._weight * shares


def lane_width(leaves: Sequence[int]) -> int:
    """Bytes per tree: as many as the tree with the most leaves needs, and numpy has a type for."""
    return next(width for width in (1, 2, 4, 8) if max(leaves, default=1) <= 8 * width)


def _masks(column: ColumnSplits, trees: int, width: int) -> list[int]:
    """The mask of each interval: of the values up to the first threshold, up to the second, ..., over the last."""
    mask = bytearray(b"\xff" * (trees * width))
    masks = [int.from_bytes(mask, "little")]
    for splits in column.splits:
        for tree, first, end in splits:
            place = slice(tree * width, (tree + 1) * width)
            left = (1 << end) - (1 << first)
            mask[place] = (int.from_bytes(mask[place], "little") & ~left).to_bytes(width, "little")
        masks.append(int.from_bytes(mask, "little"))
    return masks
