"""Columns of cells to columns of penguins: the fast path, and the careful one for rows that it cannot vouch for.

The fast path knows only the plainest spelling of a number (`39.1`: digits, at most one point) and the exact names of
sexes and islands, and checks the ranges for all rows at once. Every other row is validated by itself, as
`predictor.decoding` validates a JSON document, which also names everything that is wrong with it. A property test
holds both together.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from predictor.bulk.chunk import RowError
from predictor.decoding import validate
from predictor.errors import InvalidInput, MalformedJson
from predictor.models.columns import HABITAT_INDEX, PenguinColumns
from predictor.penguin import CATEGORIES, MEASUREMENTS, RANGES, Penguin

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How tables say that something was not recorded.
_MISSING: Final = frozenset({"", "NA"})
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")

_PLAIN_BYTES: Final = b"0123456789.,"
_IS_PLAIN: Final = np.isin(np.arange(256), np.frombuffer(_PLAIN_BYTES, dtype=np.uint8))
_PLAIN: Final = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,30})?")
_NOT_PLAIN: Final = "0"  # Stands for a cell that the fast path does not read: no penguin measures it.

_LOWS, _HIGHS = np.array([RANGES[name] for name in MEASUREMENTS]).T


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each feature stands in a row, and how many cells a row has."""

    places: Mapping[str, int]
    width: int


def read_columns(
    layout: Layout, columns: Mapping[str, Sequence[str]], row: Callable[[int], Sequence[str]]
) -> tuple[PenguinColumns, dict[int, RowError]]:
    """The valid rows as columns, and what is wrong with the others, by their place.

    `columns` has the cells of each feature, `row` gives all cells of the row at a place. A row that is not as wide as
    the header has empty cells in the columns.
    """
    measurements = np.column_stack([_numbers(columns[name]) for name in MEASUREMENTS])
    pairs = zip(*(columns[name] for name in CATEGORIES), strict=True)
    habitats = np.array([HABITAT_INDEX.get(pair, -1) for pair in pairs], dtype=np.intp)  # any two words
    good = ((measurements >= _LOWS) & (measurements <= _HIGHS)).all(axis=1) & (habitats >= 0)
    errors: dict[int, RowError] = {}
    for place in np.flatnonzero(~good).tolist():
        answer = read_row(layout, row(place))
        if isinstance(answer, Penguin):
            measurements[place] = [getattr(answer, name) for name in MEASUREMENTS]
            habitats[place] = HABITAT_INDEX[answer.sex, answer.island]
            good[place] = True
        else:
            errors[place] = answer
    return PenguinColumns(measurements, habitats) if good.all() else PenguinColumns(
        measurements[good], habitats[good]
    ), errors


def read_row(layout: Layout, cells: Sequence[str]) -> Penguin | RowError:
    """The careful path: one row by itself."""
    if len(cells) > layout.width:
        return MalformedJson(f"the row has {len(cells)} cells, the header {layout.width}")
    document: dict[str, Any] = {}
    for name, place in layout.places.items():
        cell = cells[place].strip() if place < len(cells) else ""
        if cell not in _MISSING:
            document[name] = float(cell) if name in MEASUREMENTS and _NUMBER.fullmatch(cell) else cell
    try:
        return validate(document)
    except InvalidInput as error:
        return error.with_traceback(None)  # It would keep every frame up to here, and their data, alive.


def _numbers(cells: Sequence[str]) -> "NDArray[np.float64]":
    """The cells' numbers, each as `float` reads it; 0 where a cell is not spelled plainly."""
    joined = ",".join(cells).encode()
    if joined.translate(None, _PLAIN_BYTES):
        cells = list(cells)
        for place in _places_of_other_bytes(joined):
            cells[place] = _NOT_PLAIN
        joined = ",".join(cells).encode()
    try:
        return _parse(joined)
    except orjson.JSONDecodeError:  # An empty cell, or digits and points that JSON knows no such number of.
        return _parse(",".join([cell if _PLAIN.fullmatch(cell) else _NOT_PLAIN for cell in cells]).encode())


def _places_of_other_bytes(joined: bytes) -> list[int]:
    """The places of cells with bytes that stand in no plain number."""
    view = np.frombuffer(joined, dtype=np.uint8)
    commas = np.flatnonzero(view == ord(","))
    places: list[int] = np.unique(np.searchsorted(commas, np.flatnonzero(~_IS_PLAIN[view]))).tolist()
    return places


def _parse(joined: bytes) -> "NDArray[np.float64]":
    # Nothing but digits, points and commas: JSON has no other values that are spelled with these.
    return np.array(orjson.loads(b"[%b]" % joined), dtype=np.float64)
