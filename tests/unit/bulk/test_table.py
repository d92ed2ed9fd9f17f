import csv
import io
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.bulk.lines import MAX_BLOCK_LINES, MAX_LINE_BYTES, Blocks
from predictor.bulk.table import QUOTED_ROWS, Table
from predictor.errors import UnusableFile
from predictor.schema import FEATURES
from tests.support.csv_rows import GOOD, cell_rows, expected, read_from

HEADER = ",".join(FEATURES) + "\n"
LINE = ",".join(GOOD) + "\n"


def table(data: str | bytes, *, keep_texts: bool = False) -> Table:
    return Table(Blocks(io.BytesIO(data if isinstance(data, bytes) else data.encode())), keep_texts=keep_texts)


@settings(max_examples=60, deadline=None)
@given(cell_rows, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.permutations(("note", *FEATURES)))
def test_a_table_is_what_csv_reader_sees_quoted_or_not(
    rows: list[list[str]], quoted: bool, end: str, header: list[str]
) -> None:
    """With the columns anywhere, and one more than needed."""
    order = [FEATURES.index(name) if name in FEATURES else None for name in header]
    full = [dict(enumerate(row)) for row in rows if len(row) <= len(FEATURES)]
    placed = [["x" if place is None else row.get(place, "") for place in order] for row in full]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    writer.writerows([header, *placed])
    found = [row for chunk in table(stream.getvalue()) for row in read_from(chunk.batch)]
    assert found == [expected([row.get(place, "") for place in range(len(FEATURES))]) for row in full]


@settings(max_examples=60, deadline=None)
@given(cell_rows, st.booleans())
def test_texts_are_the_rows_as_csv_with_the_headers_width(rows: list[list[str]], quoted: bool) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows([FEATURES, *rows])
    texts = [text for chunk in table(stream.getvalue(), keep_texts=True) for text in chunk.texts]
    found = list(csv.reader(io.StringIO("".join(f"{text}\r\n" for text in texts), newline=""), strict=True))
    assert found == [[*row, *[""] * len(FEATURES)][: len(FEATURES)] for row in rows]


def test_texts_are_kept_where_they_are_asked_for_and_are_as_wide_as_the_header() -> None:
    data = HEADER + LINE + "1,2\n" + LINE.strip() + ",more\n"
    (chunk,) = table(data, keep_texts=True)
    assert chunk.texts == [LINE.strip(), "1,2,,,,", LINE.strip()]
    (chunk,) = table(data)
    assert chunk.texts == ()


def test_texts_of_quoted_rows_are_quoted_again() -> None:
    (chunk,) = table(f'note,{HEADER}"a, ""b""",{LINE}', keep_texts=True)
    assert chunk.texts == ['"a, ""b""",' + LINE.strip()]


def test_a_quoted_cell_may_hold_a_line_end() -> None:
    (chunk,) = table(f'{HEADER.strip()},note\n{LINE.strip()},"two\r\nlines"\n', keep_texts=True)
    assert chunk.texts == [LINE.strip() + ',"two\r\nlines"']


def test_quoted_rows_come_in_chunks_and_are_numbered_through_the_file() -> None:
    quoted = ",".join(f'"{cell}"' for cell in GOOD) + "\n"
    chunks = list(table(HEADER + LINE + "\n" + quoted * (QUOTED_ROWS + 5)))
    assert chunks[0].first_row == 1
    for one, following in pairwise(chunks):
        assert following.first_row == one.first_row + len(one.batch)
    assert sum(len(chunk.batch) for chunk in chunks) == QUOTED_ROWS + 6


@pytest.mark.parametrize("data", ["", "\n\n", " \n,,\n"])
def test_a_file_without_a_header_has_no_rows(data: str) -> None:
    empty = table(data)
    assert empty.header == []
    assert list(empty) == []


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("a,b", "the header lacks bill_length_mm, .*; it has: 'a', 'b'"),
        (HEADER.replace("sex", "six"), "the header lacks sex; 'six' is unknown; did you mean sex"),
        (HEADER.strip() + ",sex,island", "the header names sex, island more than once"),
    ],
)
def test_a_header_must_name_every_feature_once(header: str, message: str) -> None:
    with pytest.raises(UnusableFile, match=message) as caught:
        table(header + "\n" + LINE)
    assert caught.value.code == "bad_header"


class TestMemory:
    """What is held at a time is bounded by bytes, however odd the lines."""

    def test_short_lines_are_not_taken_in_one_chunk(self) -> None:
        chunks = list(table(HEADER + "x\n" * (3 * MAX_BLOCK_LINES)))
        assert max(len(chunk.batch) for chunk in chunks) <= MAX_BLOCK_LINES
        assert sum(len(chunk.batch) for chunk in chunks) == 3 * MAX_BLOCK_LINES

    @pytest.mark.parametrize("start", ["", '"39.1",18.7,181,3750,male,Torgersen\n'])
    def test_wide_rows_are_not_taken_in_one_chunk(self, start: str) -> None:
        wide = "," * (MAX_LINE_BYTES - 1) + "\n"
        chunks = list(table(HEADER + start + wide * 6))
        assert max(len(chunk.batch) for chunk in chunks) <= 2

    def test_columns_that_are_not_needed_take_no_room(self) -> None:
        width, rows = 5_000, MAX_BLOCK_LINES // 8
        data = (HEADER.strip() + ",x" * width + "\n" + "y\n" * rows).encode()
        tracemalloc.start()
        try:
            assert sum(len(chunk.batch) for chunk in table(data)) == rows
            held_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert held_bytes < rows * width
