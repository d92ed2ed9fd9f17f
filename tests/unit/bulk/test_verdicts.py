"""However a row is read, fast or carefully, it gets the same verdict."""

import csv
import io
from contextlib import suppress
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from predictor.batch import PenguinColumns
from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import Layout, RowError
from predictor.bulk.csv_fast_path import read_lines
from predictor.bulk.lines import Blocks
from predictor.bulk.table import Table
from predictor.decoding import validate
from predictor.errors import InvalidInput, WideRow
from predictor.penguin import Penguin
from predictor.schema import COMBINATIONS, FEATURES, ISLANDS, MEASUREMENTS, RANGES, SEXES

LAYOUT = Layout({name: place for place, name in enumerate(FEATURES)}, len(FEATURES))

_plausible = st.one_of(
    st.sampled_from(MEASUREMENTS).flatmap(lambda name: st.floats(*RANGES[name])).map(str),
    st.decimals(0, 60_000, places=1).map(str),
    st.integers(0, 60_000).map(str),
)
_odd_numbers = st.sampled_from(
    [
        *(
            "",
            "NA",
            " ",
            ".",
            "..",
            "1.2.3",
            "39.",
            ".5",
            "007",
            "0039.1",
            "+39.1",
            "-39.1",
            " 39.1 ",
            "3.9e1",
            "3.9E+01",
        ),
        *(
            "1e999",
            "1e0002",
            "1e-9999",
            "nan",
            "NaN",
            "inf",
            "Infinity",
            "null",
            "true",
            "[40]",
            "{}",
            "1_0",
            "4 0",
            "0x28",
        ),
        *(
            "٣٩",
            "39,",
            "39/1",
            "/.",
            "39.1\0",
            "99999999",
            "999999999",
            "20",
            "19.9999999999999999",
            "160.0000000000001",
        ),
        *(
            "1" * 400,
            "0." + "0" * 400,
            "3" + "0" * 30,
            "39." + "1" * 60,
            "0" * 50 + "39.1",
            "20.000000",
            "160.00000000",
        ),
    ]
)
_noise = st.text(st.characters(codec="utf-8", exclude_characters=',"\r\n'), max_size=12)
_number = st.one_of(_plausible, _plausible, _plausible, _odd_numbers, _noise)
_names = st.sampled_from((*SEXES, *ISLANDS))
_name = st.one_of(
    _names, _names, _names, _names.map(lambda name: f" {name}\t"), _names.map(str.upper), _noise, st.just("NA")
)
_rows = st.lists(
    st.one_of(
        st.tuples(*[_number] * 4, st.one_of(st.sampled_from(SEXES), _name), st.one_of(st.sampled_from(ISLANDS), _name)),
        st.lists(st.one_of(_number, _name), min_size=1, max_size=8),
    ).filter(lambda row: "".join(row) != "" or len(row) > 1),
    min_size=1,
    max_size=12,
)


def verdict_on(cells: list[str]) -> Penguin | str:
    """What the contract says, spelled out for one row by itself."""
    if len(cells) > len(FEATURES):
        return f"WideRow: {len(cells)} cells"
    document: dict[str, Any] = {}
    for name, cell in zip(FEATURES, map(str.strip, cells), strict=False):
        if cell in {"", "NA"}:
            continue
        document[name] = cell
        if name in MEASUREMENTS and set(cell) <= set("0123456789+-.eE"):
            exponent = cell.lower().partition("e")[2].lstrip("+-")
            with suppress(ValueError):
                document[name] = float(cell) if len(exponent) <= 3 else cell
    try:
        return validate(document)
    except InvalidInput as error:
        return show(error)


def show(error: RowError) -> str:
    if isinstance(error, WideRow):
        return f"WideRow: {error.cells} cells"
    assert isinstance(error, InvalidInput)
    return str(error.violations)


def verdicts(columns: PenguinColumns, errors: dict[int, RowError]) -> list[Penguin | str]:
    birds = iter(zip(columns.measurements.tolist(), columns.combinations.tolist(), strict=True))
    result: list[Penguin | str] = []
    for place in range(len(columns) + len(errors)):
        if place in errors:
            result.append(show(errors[place]))
        else:
            measurements, habitat = next(birds)
            result.append(Penguin(**dict(zip(FEATURES, (*measurements, *COMBINATIONS[habitat]), strict=True))))
    return result


GOOD = ["39.1", "18.7", "181", "3750", "male", "Torgersen"]


@settings(max_examples=60, deadline=None)
@given(_rows)
@example([GOOD, ["NA", *GOOD[1:]], GOOD[:3], [*GOOD, "more"]])
def test_lines_without_quotes(rows: list[list[str]]) -> None:
    lines = [",".join(row) for row in rows]
    found = read_lines(LAYOUT, "".join(line + "\n" for line in lines).encode())
    assert verdicts(*found) == [verdict_on(line.split(",")) for line in lines]


@settings(max_examples=60, deadline=None)
@given(_rows)
@example([GOOD, ["NA", *GOOD[1:]], GOOD[:3], [*GOOD, "more"]])
def test_rows_of_cells(rows: list[list[str]]) -> None:
    assert verdicts(*read_cells(LAYOUT, rows)) == [verdict_on(list(row)) for row in rows]


@settings(max_examples=60, deadline=None)
@given(_rows, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.permutations(("note", *FEATURES)))
def test_a_table_quoted_or_not(rows: list[list[str]], quoted: bool, end: str, header: list[str]) -> None:
    """As `csv.reader` sees it, with the columns anywhere and one more than needed."""
    order = [FEATURES.index(name) if name in FEATURES else None for name in header]
    full = [dict(enumerate(row)) for row in rows if len(row) <= len(FEATURES)]
    placed = [["x" if place is None else row.get(place, "") for place in order] for row in full]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([header, *placed])
    table = Table(Blocks(io.BytesIO(stream.getvalue().encode())))
    found = [verdict for chunk in table for verdict in verdicts(chunk.columns, dict(chunk.errors))]
    assert found == [verdict_on([row.get(place, "") for place in range(len(FEATURES))]) for row in full]
