"""The fast path of CSV: lines without quotes straight to columns, with no object per cell.

It vouches for rows as wide as the header whose measurements are spelled plainly and lie in their ranges, and whose sex
and island are exactly what they may be. All other rows are for `predictor.bulk.cells`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import Layout, RowError
from predictor.bulk.words import PADDING, equal, numbers, words_of
from predictor.models.columns import PenguinColumns
from predictor.penguin import ISLANDS, MEASUREMENTS, RANGES, SEXES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from predictor.bulk.words import Places, Words

_COMMA: Final = ord(",")
_LINE_END: Final = ord("\n")


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """One row per line; `measurements` and `habitats` say something only where `vouched`. A line is text[start:end]."""

    measurements: "NDArray[np.float64]"
    habitats: "NDArray[np.intp]"
    vouched: "NDArray[np.bool_]"
    starts: "Places"
    ends: "Places"


def read_lines(layout: Layout, text: bytes) -> tuple[PenguinColumns, dict[int, RowError]]:
    """As `read_cells`, from lines: `text` consists of whole ones that end in a line feed, with no quotes or returns."""
    rows = _read_plain(layout, text)
    doubtful = np.flatnonzero(~rows.vouched)
    errors: dict[int, RowError] = {}
    if len(doubtful):
        bounds = zip(rows.starts[doubtful].tolist(), rows.ends[doubtful].tolist(), strict=True)
        columns, found = read_cells(layout, [text[start:end].decode().split(",") for start, end in bounds])
        errors = {int(doubtful[place]): error for place, error in found.items()}
        saved = np.delete(doubtful, list(found))
        rows.measurements[saved] = columns.measurements
        rows.habitats[saved] = columns.habitats
        rows.vouched[saved] = True
    return PenguinColumns(rows.measurements[rows.vouched], rows.habitats[rows.vouched]), errors


def _read_plain(layout: Layout, text: bytes) -> _Rows:
    padded = PADDING + text
    view = np.frombuffer(padded, dtype=np.uint8)
    separators = np.flatnonzero((view == _COMMA) | (view == _LINE_END))
    last = np.flatnonzero(view[separators] == _LINE_END)  # Of the separators, the ones that end a line.
    line_ends = separators[last]
    line_starts = np.concatenate([[len(PADDING)], line_ends[:-1] + 1])
    wide = np.diff(last, prepend=-1) == layout.width
    rows = np.flatnonzero(wide)
    # Where the cells of each such row end, and where its first one begins.
    cell_ends = separators[last[rows][:, None] + np.arange(1 - layout.width, 1)]
    words = words_of(padded)
    measurements = np.full((len(wide), len(MEASUREMENTS)), np.nan)
    vouched = wide.copy()

    def bounds(name: str) -> "tuple[Places, Places]":
        place = layout.places[name]
        return line_starts[rows] if place == 0 else cell_ends[:, place - 1] + 1, cell_ends[:, place]

    for column, name in enumerate(MEASUREMENTS):
        low, high = RANGES[name]
        values = numbers(words, *bounds(name))
        measurements[rows, column] = values
        vouched[rows] &= (values >= low) & (values <= high)
    sexes = _places_of(SEXES, words, *bounds("sex"))
    islands = _places_of(ISLANDS, words, *bounds("island"))
    vouched[rows] &= (sexes >= 0) & (islands >= 0)
    habitats = np.zeros(len(wide), dtype=np.intp)
    habitats[rows] = sexes * len(ISLANDS) + islands  # As HABITATS are listed.
    return _Rows(measurements, habitats, vouched, line_starts - len(PADDING), line_ends - len(PADDING))


def _places_of(names: Sequence[str], words: "Words", starts: "Places", ends: "Places") -> "Places":
    """The place of each cell's name among `names`, -1 for anything else."""
    places = np.full(len(starts), -1, dtype=np.intp)
    for place, name in enumerate(names):
        places[equal(words, starts, ends, name.encode())] = place
    return places
