import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from predictor.bulk.csv_text import to_line, to_lines

_cell = st.text(st.characters(codec="utf-8"), max_size=8)


def test_cells_are_quoted_only_where_they_must_be() -> None:
    assert to_line(["plain", "a b", 'say "x"', "a,b", "two\nlines", ""]) == 'plain,a b,"say ""x""","a,b","two\nlines",'


@given(st.lists(st.lists(_cell, min_size=2, max_size=4), max_size=5))
def test_a_line_is_read_back_as_its_cells(rows: list[list[str]]) -> None:
    lines = to_lines(rows)
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert list(csv.reader(io.StringIO(line, newline=""), strict=True)) == [row]
