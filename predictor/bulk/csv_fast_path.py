"""The fast path of CSV: lines without quotes straight to columns, with no object per cell.

It accepts rows that are as wide as the header, whose measurements are plain numbers in their ranges, and whose
categories are spelled in ASCII, in any case. `predictor.bulk.cells` reads all other rows, and all rows of a table that
is in other units. docs/explanation/performance.md has what this path gains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.batch import Batch, PenguinColumns
from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import Layout
from predictor.bulk.word_parsing import equal, numbers, padding_for, words_of
from predictor.schema import CATEGORIES, EXAMPLE, FOLDED, MEASUREMENTS, RANGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from predictor.bulk.word_parsing import Positions, Words

_LINE_END: Final = ord("\n")
_NAMES: Final = {name: [value.encode() for value in values] for name, values in CATEGORIES.items()}
_PADDING: Final = padding_for(value for values in _NAMES.values() for value in values)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """One row per line; `measurements` and `combinations` are valid where `accepted`. A line is text[start:end]."""

    measurements: "NDArray[np.float64]"
    combinations: "NDArray[np.intp]"
    accepted: "NDArray[np.bool_]"
    starts: "Positions"
    ends: "Positions"


def read_lines(layout: Layout, text: bytes) -> Batch:
    """As `read_cells`, from text: whole lines that end in a line feed, with no quotes and no carriage returns."""
    if layout.factors:
        return read_cells(layout, [line.split(layout.separator) for line in text.decode()[:-1].split("\n")])
    rows = _read_plain(layout, text)
    others = np.flatnonzero(~rows.accepted)
    if not len(others):
        return Batch(PenguinColumns(rows.measurements, rows.combinations))
    bounds = zip(rows.starts[others].tolist(), rows.ends[others].tolist(), strict=True)
    batch = read_cells(layout, [text[start:end].decode().split(layout.separator) for start, end in bounds])
    errors = {int(others[index]): error for index, error in batch.errors.items()}
    valid = np.delete(others, list(batch.errors))
    rows.measurements[valid] = batch.columns.measurements
    rows.combinations[valid] = batch.columns.combinations
    rows.accepted[valid] = True
    return Batch(PenguinColumns(rows.measurements[rows.accepted], rows.combinations[rows.accepted]), errors)


def _read_plain(layout: Layout, text: bytes) -> _Rows:
    padded = _PADDING + text
    view = np.frombuffer(padded, dtype=np.uint8)
    separators = np.flatnonzero((view == ord(layout.separator)) | (view == _LINE_END))
    last = np.flatnonzero(view[separators] == _LINE_END)  # Of the separators, the ones that end a line.
    line_ends = separators[last]
    line_starts = np.concatenate([[len(_PADDING)], line_ends[:-1] + 1])
    accepted = np.diff(last, prepend=-1) == layout.width
    rows = np.flatnonzero(accepted)
    # Where the cells of each such row end, and where its first one begins.
    cell_ends = separators[last[rows][:, None] + np.arange(1 - layout.width, 1)]
    words = words_of(padded)
    measurements = np.full((len(accepted), len(MEASUREMENTS)), np.nan)
    combinations = np.zeros(len(accepted), dtype=np.intp)

    def bounds(name: str) -> "tuple[Positions, Positions]":
        index = layout.index_of[name]
        return line_starts[rows] if index == 0 else cell_ends[:, index - 1] + 1, cell_ends[:, index]

    valid = np.ones(len(rows), dtype=np.bool_)
    for column, name in enumerate(MEASUREMENTS):
        if name in layout.schema.filled:
            measurements[:, column] = EXAMPLE[name]
            continue
        low, high = RANGES[name]
        values = numbers(words, *bounds(name))
        measurements[rows, column] = values
        valid &= (values >= low) & (values <= high)
    found = np.zeros(len(rows), dtype=np.intp)  # Indexes in COMBINATIONS, which count through the last category first.
    for name, names in _NAMES.items():
        if name in layout.schema.filled:
            indexes: Positions | int = CATEGORIES[name].index(EXAMPLE[name])
        else:
            indexes = _indexes_of(names, words, *bounds(name), any_case=len(FOLDED[name]) == len(names))
            valid &= indexes >= 0
        found = found * len(names) + indexes
    combinations[rows] = found
    accepted[rows] = valid
    return _Rows(measurements, combinations, accepted, line_starts - len(_PADDING), line_ends - len(_PADDING))


def _indexes_of(
    names: Sequence[bytes], words: "Words", starts: "Positions", ends: "Positions", *, any_case: bool
) -> "Positions":
    """The index of each cell's name among `names`, -1 for anything else."""
    indexes = np.full(len(starts), -1, dtype=np.intp)
    for index, name in enumerate(names):
        indexes[equal(words, starts, ends, name)] = index
    others = np.flatnonzero(indexes < 0)
    if any_case and len(others):
        for index, name in enumerate(names):
            indexes[others[equal(words, starts[others], ends[others], name, any_case=True)]] = index
    return indexes
