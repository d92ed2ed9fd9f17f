import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.bulk.lines import BLOCK_BYTES, MAX_BLOCK_LINES, MAX_LINE_BYTES, Blocks, decode_block
from predictor.errors import UnusableFile


def blocks(data: bytes) -> list[bytes]:
    return list(Blocks(io.BytesIO(data)))


_lines = st.lists(st.binary(max_size=3).map(lambda line: line.replace(b"\n", b"")), max_size=40)


@settings(deadline=None)
@given(_lines, st.sampled_from([1, 7, 5_000]), st.booleans())
def test_blocks_are_the_file_cut_at_line_ends(lines: list[bytes], repeat: int, ended: bool) -> None:
    data = b"\n".join(lines * repeat) + (b"\n" if ended else b"")
    data = data.removeprefix(b"\xef\xbb\xbf")
    cut = blocks(data)
    assert b"".join(cut) == data
    assert all(block.endswith(b"\n") for block in cut[:-1])
    assert all(cut)
    assert max((block.count(b"\n") for block in cut), default=0) <= MAX_BLOCK_LINES


def test_long_files_come_in_more_than_one_block() -> None:
    line = b"x" * 99 + b"\n"
    cut = blocks(line * 10_000)
    assert len(cut) == -(-1_000_000 // BLOCK_BYTES)
    assert max(map(len, cut)) <= BLOCK_BYTES + len(line)


def test_lines_are_counted_as_they_are_handed_out() -> None:
    reader = Blocks(io.BytesIO(b"a\n" * (MAX_BLOCK_LINES + 2) + b"b"))
    assert [reader.lines for _ in reader] == [MAX_BLOCK_LINES, MAX_BLOCK_LINES + 2, MAX_BLOCK_LINES + 3]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert b"".join(blocks(b"\xef\xbb\xbfa\n\xef\xbb\xbfb")) == b"a\n\xef\xbb\xbfb"


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_may_have_as_many_bytes_as_the_limit_and_no_more(end: bytes) -> None:
    before = b"short\n"
    assert len(blocks(before + b"x" * MAX_LINE_BYTES + end)) == 2
    with pytest.raises(UnusableFile, match=f"line 2 is longer than {MAX_LINE_BYTES} bytes") as caught:
        blocks(before + b"x" * (MAX_LINE_BYTES + 1) + end)
    assert caught.value.code == "line_too_long"


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    class Endless:
        read_bytes = 0

        def read(self, size: int, /) -> bytes:
            self.read_bytes += size
            return b"x" * size

    stream = Endless()
    with pytest.raises(UnusableFile):
        list(Blocks(stream))
    assert stream.read_bytes <= MAX_LINE_BYTES + 2 * BLOCK_BYTES


@pytest.mark.parametrize(
    ("data", "json"),
    [
        (b'{"a": 1}', True),
        (b"\n\n  [1]", True),
        (b"\xef\xbb\xbf{}", True),
        (b"a,b\n{", False),
        (b"", False),
        (b" \n", False),
    ],
)
def test_the_first_line_that_is_not_blank_shows_the_format(data: bytes, json: bool) -> None:
    reader = Blocks(io.BytesIO(data))
    assert reader.starts_like_json() is json
    assert b"".join(reader).strip() == data.removeprefix(b"\xef\xbb\xbf").strip()


def test_looking_at_the_format_loses_no_line_and_counts_the_blank_ones() -> None:
    blank = b"\n" * (2 * BLOCK_BYTES)
    reader = Blocks(io.BytesIO(blank + b"{}\n{}\n"))
    assert reader.starts_like_json()
    assert b"".join(reader).split() == [b"{}", b"{}"]
    assert reader.lines == len(blank) + 2


def test_a_block_that_is_no_utf_8_names_the_line() -> None:
    assert decode_block("ä\n".encode(), 7) == "ä\n"
    with pytest.raises(UnusableFile, match="line 9 is not UTF-8") as caught:
        decode_block(b"a\n\xff\n", 7)
    assert caught.value.code == "not_utf8"
