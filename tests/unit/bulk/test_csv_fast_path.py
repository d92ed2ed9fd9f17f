from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from predictor.bulk import csv_fast_path
from predictor.bulk.chunk import Layout
from predictor.bulk.csv_fast_path import read_lines
from predictor.schema import FEATURES
from predictor.units import factors_to
from tests.support.csv_rows import EXAMPLES, GOOD, LAYOUT, cell_rows, expected, read_from


def text_of(*rows: list[str]) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


@settings(max_examples=60, deadline=None)
@given(cell_rows)
@example(EXAMPLES)
def test_every_line_is_read_as_it_would_be_alone(rows: list[list[str]]) -> None:
    text = text_of(*rows)
    lines = text.decode().removesuffix("\n").split("\n")
    assert read_from(read_lines(LAYOUT, text)) == [expected(line.split(",")) for line in lines]


def test_features_are_taken_from_where_the_layout_has_them() -> None:
    layout = Layout({name: len(FEATURES) - place for place, name in enumerate(FEATURES)}, len(FEATURES) + 2)
    row = ["note", *GOOD[::-1], "note"]
    assert read_from(read_lines(layout, text_of(row, row))) == [expected(GOOD)] * 2


def test_only_rows_that_are_not_spelled_plainly_are_left_to_the_slow_path() -> None:
    """Otherwise it would be no fast path, and nothing else would show it."""
    usual = [
        GOOD,
        ["160", "50", "450", "50000", "male", "Biscoe"],
        ["39.", "18.75", "181.2500", "03750.5", "FEMALE", "dREAM"],
    ]
    others = [[" 39.1", *GOOD[1:]], ["3.91e1", *GOOD[1:]], ["1", *GOOD[1:]], [*GOOD[:5], "dreams"], GOOD[1:], [""]]
    rows = [row for pair in zip(usual * 2, others, strict=True) for row in pair]
    assert csv_fast_path._read_plain(LAYOUT, text_of(*rows)).accepted.tolist() == [True, False] * 6
    assert read_from(read_lines(LAYOUT, text_of(*rows))) == [expected(row) for row in rows]


@settings(max_examples=60, deadline=None)
@given(cell_rows, st.sampled_from(";\t"))
@example(EXAMPLES, ";")
def test_every_line_is_read_so_with_another_separator(rows: list[list[str]], separator: str) -> None:
    layout = Layout(LAYOUT.index_of, LAYOUT.width, separator)
    lines = [separator.join(row) for row in rows]
    text = "".join(f"{line}\n" for line in lines).encode()
    assert read_from(read_lines(layout, text)) == [expected(line.split(separator)) for line in lines]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.decimals(0, 60_000, places=2), min_size=1, max_size=5), st.sampled_from([(1, "cm"), (3, "m")]))
def test_a_line_in_another_unit_is_read_as_the_same_line_in_the_fields_own(
    values: list[Decimal], unit: tuple[int, str]
) -> None:
    places, name = unit
    layout = Layout(LAYOUT.index_of, LAYOUT.width, factors={FEATURES[0]: factors_to("mm")[name]})
    text = text_of(*([str(value.scaleb(-places)), *GOOD[1:]] for value in values))
    assert read_from(read_lines(layout, text)) == [expected([str(value), *GOOD[1:]]) for value in values]
