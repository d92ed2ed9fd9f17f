import gzip
import io
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow.parquet import write_table

from predictor.beam import Part, Slice, parts_of, slices_of
from predictor.beam.slices import SLICE_BYTES
from predictor.bulk import MAX_LINE_BYTES
from predictor.record_schema import RecordSchema
from predictor.schema import FEATURES
from tests.support.bundles import EXAMPLE

HEADER = ",".join(FEATURES).encode() + b"\n"


def open_here(path: str) -> io.BufferedReader:
    return Path(path).open("rb")


def cut(data: bytes, slice_bytes: int) -> list[Slice]:
    return list(slices_of("any", "any", len(data), lambda _: io.BytesIO(data), slice_bytes))


def read(data: bytes, slice_bytes: int) -> list[Part]:
    return [part for one in cut(data, slice_bytes) for part in parts_of(one, lambda _: io.BytesIO(data), slice_bytes)]


def csv(rows: int) -> bytes:
    return HEADER + b"".join(b"%d,18.7,181,3750,male,Dream\n" % (20 + row % 100) for row in range(rows))


@given(st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=30), st.integers(1, 40))
def test_every_line_is_in_exactly_one_slice(lines: list[bytes], slice_bytes: int) -> None:
    data = b'{"a": 1}\n' + b"\n".join(lines)  # NDJSON: nothing is put above the lines.
    assert b"".join(part.data for part in read(data, slice_bytes)) == data


@pytest.mark.parametrize("slice_bytes", [60, 64, 100, 1000])
def test_rows_of_a_table_stand_below_its_header_in_every_part(slice_bytes: int) -> None:
    data = csv(40)
    parts = read(data, slice_bytes)
    assert all(part.data.startswith(HEADER) for part in parts)
    assert b"".join([HEADER, *(part.data.removeprefix(HEADER) for part in parts)]) == data
    assert len({part.name for part in parts}) == len(parts) > 1


def test_the_header_keeps_its_separator_and_its_quotes() -> None:
    header = b'"the id";' + HEADER.replace(b",", b";")
    (first, second) = read(header + b"1;39.1;18.7;181;3750;male;Dream\n" * 2, len(header) + 1)
    assert first.data.startswith(header)
    assert second.data == header.replace(b'"', b"") + b"1;39.1;18.7;181;3750;male;Dream\n"


def test_a_table_is_cut_that_has_what_the_model_takes() -> None:
    data, schema = b"sex,bill_depth_mm\n" + b"male,18.7\n" * 20, RecordSchema(("bill_depth_mm", "sex"))
    slices = list(slices_of("any", "any", len(data), lambda _: io.BytesIO(data), 50, schema=schema))
    assert (slices[-1].end, slices[-1].header) == (len(data), b"sex,bill_depth_mm\n")


def test_a_small_file_and_one_that_must_not_be_cut_are_one_slice() -> None:
    data = csv(40)
    for slice_bytes in (len(data), 0):
        assert [(one.start, one.end, one.alone) for one in cut(data, slice_bytes)] == [(0, len(data), True)]


def test_a_smaller_file_has_smaller_slices_for_workers_to_share() -> None:
    def sizes(mib: int) -> list[int]:
        size = mib * 1024 * 1024  # Only the header is read.
        return [one.end - one.start for one in slices_of("any", "any", size, lambda _: io.BytesIO(csv(1)))]

    assert len(sizes(1)) == 1
    assert set(sizes(4)) == {1024 * 1024}
    assert len(sizes(36)) == 16
    assert set(sizes(1024)) == {SLICE_BYTES}
    assert [sum(sizes(mib)) for mib in (4, 36, 1024)] == [mib * 1024 * 1024 for mib in (4, 36, 1024)]


def test_names_sort_in_the_order_of_the_file() -> None:
    names = [part.name for part in read(csv(3000), 64)]
    assert names == sorted(names)
    assert names[:2] == ["any-00000", "any-00001"]


def test_gzip_is_read_once_and_in_parts() -> None:
    data = csv(30_000)
    zipped = gzip.compress(data)
    assert len(cut(zipped, 1000)) == 1
    parts = read(zipped, 200_000)
    assert [part.name for part in parts][:2] == ["any-00000-00000", "any-00000-00001"]
    assert b"".join([HEADER, *(part.data.removeprefix(HEADER) for part in parts)]) == data


def test_gzip_that_breaks_off_ends_with_a_part_that_says_so() -> None:
    zipped = gzip.compress(csv(30_000))[:-2000]
    *_, last = read(zipped, 200_000)
    assert last.unusable is not None
    assert "gzip" in last.unusable


def test_parquet_is_cut_by_its_row_groups(tmp_path: Path) -> None:
    path = str(tmp_path / "birds.parquet")
    write_table(pyarrow.Table.from_pylist([EXAMPLE] * 30), path, row_group_size=10)
    slices = list(slices_of(path, "birds", 1, open_here))
    assert [one.number for one in slices] == [0, 1, 2]
    (part,) = parts_of(slices[1], open_here)
    assert part.name == "birds-00001-00000"
    assert pyarrow.parquet.read_table(io.BytesIO(part.data)).to_pylist() == [EXAMPLE] * 10


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"PK\x03\x04 xl/ "], ids=["empty", "other columns", "workbook"])
def test_a_file_that_cannot_be_used_is_one_slice(data: bytes) -> None:
    assert len(cut(data, 1)) == 1


def test_the_rest_of_a_line_is_read_no_further_than_a_line_may_reach() -> None:
    data = HEADER + b"x" * (3 * MAX_LINE_BYTES)
    first, *_ = read(data, len(HEADER) + 1)
    assert MAX_LINE_BYTES < len(first.data) < 2 * MAX_LINE_BYTES
