"""Rows of cells to columns of penguins: for what `predictor.bulk.fast_rows` cannot read or does not vouch for.

Numbers that JSON spells the same way are parsed a column at a time, and ranges checked for all rows at once. What is
left is validated row by row, as `predictor.decoding` validates a JSON document, which also names everything that is
wrong. A property test holds all three ways together.
"""

import re
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from predictor.bulk.chunk import Layout, RowError
from predictor.decoding import validate
from predictor.errors import InvalidInput, WideRow
from predictor.models.columns import HABITAT_INDEX, PenguinColumns, in_range
from predictor.penguin import CATEGORIES, MEASUREMENTS, Penguin, habitat_of, measurements_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How tables say that something was not recorded.
_MISSING: Final = frozenset({"", "NA"})
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")

_PLAIN_BYTES: Final = b"0123456789.,"
_IS_PLAIN: Final = np.isin(np.arange(256), np.frombuffer(_PLAIN_BYTES, dtype=np.uint8))
_PLAIN: Final = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,30})?")
_NOT_PLAIN: Final = "0"  # Stands for a cell that the fast path does not read: no penguin measures it.


def read_cells(layout: Layout, rows: Sequence[Sequence[str]]) -> tuple[PenguinColumns, dict[int, RowError]]:
    """The valid rows as columns, and what is wrong with the others, by their place. `rows` may be of any width."""
    blank = [""] * layout.width  # Refused by the columns' checks, so that the row itself is looked at.
    picked = map(itemgetter(*layout.places.values()), (row if len(row) == layout.width else blank for row in rows))
    features = dict(zip(layout.places, zip(*picked, strict=True), strict=True))
    measurements = np.column_stack([_numbers(features[name]) for name in MEASUREMENTS])
    pairs = zip(*(features[name] for name in CATEGORIES), strict=True)
    habitats = np.array([HABITAT_INDEX.get(pair, -1) for pair in pairs], dtype=np.intp)
    good = in_range(measurements) & (habitats >= 0)
    errors: dict[int, RowError] = {}
    for place in np.flatnonzero(~good).tolist():
        answer = _read_row(layout, rows[place])
        if isinstance(answer, Penguin):
            measurements[place] = measurements_of(answer)
            habitats[place] = HABITAT_INDEX[habitat_of(answer)]
            good[place] = True
        else:
            errors[place] = answer
    return PenguinColumns(measurements[good], habitats[good]), errors


def _read_row(layout: Layout, cells: Sequence[str]) -> Penguin | RowError:
    """The careful path: one row by itself."""
    if len(cells) > layout.width:
        return WideRow(len(cells), layout.width)
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
    joined = ",".join(cells).encode() or _NOT_PLAIN.encode()  # One empty cell would be no cell at all.
    if joined.count(b",") >= len(cells):  # A quoted cell may hold one.
        return _numbers([_NOT_PLAIN if "," in cell else cell for cell in cells])
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
