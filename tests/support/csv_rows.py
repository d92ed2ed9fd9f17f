"""Rows of cells, valid and not, and what a reader must make of each: for every way that reads CSV."""

from contextlib import suppress
from typing import Any, Final

from hypothesis import strategies as st

from predictor.batch import Batch
from predictor.bulk.chunk import Layout
from predictor.decoding import validate
from predictor.errors import InvalidInput, RowFailure, WideRow
from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, COMBINATIONS, FEATURES, MEASUREMENTS, NOT_RECORDED, RANGES, make_penguin

LAYOUT: Final = Layout({name: place for place, name in enumerate(FEATURES)}, len(FEATURES))
GOOD: Final = ["39.1", "18.7", "181", "3750", "male", "Torgersen"]
EXAMPLES: Final = [GOOD, ["NA", *GOOD[1:]], GOOD[:3], [*GOOD, "more"]]

_plausible = st.one_of(
    st.sampled_from(MEASUREMENTS).flatmap(lambda name: st.floats(*RANGES[name])).map(str),
    st.decimals(0, 60_000, places=1).map(str),
    st.integers(0, 60_000).map(str),
)
_SPELLINGS: Final = """
    . .. 1.2.3 39. .5 007 0039.1 +39.1 -39.1 3.9e1 3.9E+01 1e999 1e0002 1e-9999 nan NaN inf Infinity null true [40] {}
    1_0 0x28 ٣٩ 39, 39/1 /. 99999999 999999999 20 19.9999999999999999 160.0000000000001 20.000000 160.00000000 0 -0 00
"""
_odd_numbers = st.sampled_from(
    [
        *_SPELLINGS.split(),
        *("", "NA", " ", " 39.1 ", "4 0", "39.1\0"),
        *("1" * 400, "0." + "0" * 400, "3" + "0" * 30, "39." + "1" * 60, "0" * 50 + "39.1"),
    ]
)
_noise = st.text(st.characters(codec="utf-8", exclude_characters=',"\r\n'), max_size=12)
_number = st.one_of(_plausible, _plausible, _plausible, _odd_numbers, _noise)
_names = st.sampled_from([value for values in CATEGORIES.values() for value in values])
_name = st.one_of(
    _names,
    _names,
    _names,
    _names.map(lambda name: f" {name}\t"),
    _names.map(str.upper),
    _names.map(str.swapcase),
    _noise,
    st.just("NA"),
)
_cells = [_number if name in MEASUREMENTS else st.one_of(st.sampled_from(CATEGORIES[name]), _name) for name in FEATURES]

cell_rows = st.lists(
    st.one_of(st.tuples(*_cells), st.lists(st.one_of(_number, _name), min_size=1, max_size=8)).filter(
        lambda row: "".join(row) != "" or len(row) > 1
    ),
    min_size=1,
    max_size=12,
)


def expected(cells: list[str]) -> Penguin | str:
    """What the contract says of one row, spelled out."""
    if len(cells) > len(FEATURES):
        return f"WideRow: {len(cells)} cells"
    document: dict[str, Any] = {}
    for name, cell in zip(FEATURES, map(str.strip, cells), strict=False):
        if cell in NOT_RECORDED:
            continue
        same = [value for value in CATEGORIES.get(name, ()) if value.casefold() == cell.casefold()]
        document[name] = same[0] if same else cell
        if name in MEASUREMENTS and set(cell) <= set("0123456789+-.eE"):
            exponent = cell.lower().partition("e")[2].lstrip("+-")
            with suppress(ValueError):
                document[name] = float(cell) if len(exponent) <= 3 else cell
    try:
        return validate(document)
    except InvalidInput as error:
        return shown(error)


def shown(error: RowFailure) -> str:
    if isinstance(error, WideRow):
        return f"WideRow: {error.cells} cells"
    assert isinstance(error, InvalidInput)
    return str(error.violations)


def read_from(batch: Batch) -> list[Penguin | str]:
    """What a batch says of each row."""
    birds = iter(zip(batch.columns.measurements.tolist(), batch.columns.combinations.tolist(), strict=True))
    assert list(batch.errors) == sorted(batch.errors)
    result: list[Penguin | str] = []
    for place in range(len(batch)):
        if place in batch.errors:
            result.append(shown(batch.errors[place]))
        else:
            measurements, combination = next(birds)
            result.append(make_penguin(measurements, COMBINATIONS[combination]))
    return result
