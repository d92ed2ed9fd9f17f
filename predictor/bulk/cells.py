"""Cells of CSV rows to a batch: columns parsed at once, and rows that fail validated one by one.

Numbers are parsed a column at a time, and ranges checked for all rows at once. Rows that fail this check are validated
one by one, as `predictor.decoding` validates a JSON document, which also lists every violation. A property test checks
that both ways give the same result.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from predictor.batch import COMBINATION_INDEX, Batch, PenguinColumns, in_range
from predictor.bulk.chunk import Layout
from predictor.decoding import validate
from predictor.errors import InvalidInput, RowFailure, WideRow
from predictor.penguin import Penguin
from predictor.schema import (
    CATEGORIES,
    EXAMPLE,
    MEASUREMENTS,
    NOT_RECORDED,
    categories_of,
    measurements_of,
    spelled,
    tuple_getter,
)
from predictor.text import NUMBER
from predictor.units import converted

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUMBER: Final = re.compile(NUMBER)

_PLAIN_BYTES: Final = b"0123456789.,"
_IS_PLAIN: Final = np.isin(np.arange(256), np.frombuffer(_PLAIN_BYTES, dtype=np.uint8))
_PLAIN: Final = re.compile(r"(0|[1-9][0-9]{0,14})(\.[0-9]{1,30})?")
_NOT_PLAIN: Final = "null"  # Stands for a cell that is not a plain number; becomes NaN, which is in no range.


def read_cells(layout: Layout, rows: Sequence[Sequence[str]]) -> Batch:
    """The rows (at least one) as a batch. They may be of any width."""
    blank = [""] * layout.width  # Fails the checks of the columns, so that the row is read by itself.
    pick = tuple_getter(itemgetter, tuple(layout.index_of.values()))
    picked = map(pick, (row if len(row) == layout.width else blank for row in rows))
    features = dict(zip(layout.index_of, zip(*picked, strict=True), strict=True))
    measurements = np.column_stack(
        [
            _numbers(_in_unit(features[name], layout, name)) if name in features else np.full(len(rows), EXAMPLE[name])
            for name in MEASUREMENTS
        ]
    )
    names = ([spelled(name, cell) for cell in features[name]] for name in layout.schema.categories)
    found = zip(*names, strict=True) if layout.schema.categories else [()] * len(rows)
    combinations = np.array([layout.schema.combination_index.get(values, -1) for values in found], dtype=np.intp)
    valid = in_range(measurements) & (combinations >= 0)
    errors: dict[int, RowFailure] = {}
    for index in np.flatnonzero(~valid).tolist():
        answer = _read_row(layout, rows[index])
        if isinstance(answer, Penguin):
            measurements[index] = measurements_of(answer)
            combinations[index] = COMBINATION_INDEX[categories_of(answer)]
            valid[index] = True
        else:
            errors[index] = answer
    return Batch(PenguinColumns(measurements[valid], combinations[valid]), errors)


def _read_row(layout: Layout, cells: Sequence[str]) -> Penguin | RowFailure:
    """One row by itself."""
    if len(cells) > layout.width:
        return WideRow(len(cells), layout.width)
    document: dict[str, Any] = {}
    for name, index in layout.index_of.items():
        cell = cells[index].strip() if index < len(cells) else ""
        if cell not in NOT_RECORDED:
            document[name] = spelled(name, cell) if name in CATEGORIES else _number(cell, layout.factors.get(name))
    try:
        return validate(document, layout.schema)
    except InvalidInput as error:
        return error.without_frames()


def _number(cell: str, factor: Decimal | None) -> float | str:
    """The cell's number in the feature's unit; the cell itself, for validation to refuse, where it is none."""
    if not _NUMBER.fullmatch(cell):
        return cell
    return float(cell) if factor is None else converted(cell, factor)


def _in_unit(cells: Sequence[str], layout: Layout, name: str) -> Sequence[str]:
    factor = layout.factors.get(name)
    return cells if factor is None else [str(_number(cell, factor)) for cell in cells]


def _numbers(cells: Sequence[str]) -> "NDArray[np.float64]":
    """The cells' numbers, each as `float` reads it; NaN where a cell is not a plain number."""
    joined = ",".join(cells).encode() or _NOT_PLAIN.encode()  # One empty cell would be no cell at all.
    if joined.count(b",") >= len(cells):  # A quoted cell may hold one.
        return _numbers([_NOT_PLAIN if "," in cell else cell for cell in cells])
    if joined.translate(None, _PLAIN_BYTES):
        cells = list(cells)
        for index in _indexes_of_other_bytes(joined):
            cells[index] = _NOT_PLAIN
        joined = ",".join(cells).encode()
    try:
        return _parse(joined)
    except orjson.JSONDecodeError:  # An empty cell, or digits and points that JSON knows no such number of.
        return _parse(",".join([cell if _PLAIN.fullmatch(cell) else _NOT_PLAIN for cell in cells]).encode())


def _indexes_of_other_bytes(joined: bytes) -> list[int]:
    """The indexes of cells with bytes that no plain number contains."""
    view = np.frombuffer(joined, dtype=np.uint8)
    commas = np.flatnonzero(view == ord(","))
    indexes: list[int] = np.unique(np.searchsorted(commas, np.flatnonzero(~_IS_PLAIN[view]))).tolist()
    return indexes


def _parse(joined: bytes) -> "NDArray[np.float64]":
    # Nothing but digits, points, commas and nulls: JSON has only numbers and null that are spelled with these.
    return np.array(orjson.loads(b"[%b]" % joined), dtype=np.float64)
