import gzip
import io
import random
import tracemalloc
import zipfile
from typing import Any

import pytest

from predictor.bulk.lines import BLOCK_BYTES, Blocks
from predictor.bulk.source import open_source
from predictor.errors import UnusableFile

TEXT = b"a,b\n" + b"1,2\n" * 100_000
NOISE = random.Random(1).randbytes(300_000)


def content(data: bytes, **options: Any) -> bytes:
    stream = open_source(io.BytesIO(data), **options).stream
    return b"".join(iter(lambda: stream.read(BLOCK_BYTES), b""))


def workbook(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


@pytest.mark.parametrize("data", [b"", b"a", b"\x1f", TEXT, NOISE])
def test_text_comes_as_it_is(data: bytes) -> None:
    assert content(data) == data


@pytest.mark.parametrize("size", [1, 1000, 4096, 4097, 5000])
def test_a_stream_gives_as_much_as_it_is_asked_for(size: int) -> None:
    stream = open_source(io.BytesIO(TEXT)).stream
    pieces = list(iter(lambda: stream.read(size), b""))
    assert b"".join(pieces) == TEXT
    assert {len(piece) for piece in pieces[:-1]} == {size}


@pytest.mark.parametrize("data", [b"", TEXT, NOISE])
def test_gzip_is_found_by_its_content(data: bytes) -> None:
    source = open_source(io.BytesIO(gzip.compress(data)))
    assert source.unzipped
    assert content(gzip.compress(data)) == data
    assert content(gzip.compress(data) + gzip.compress(data)) == data * 2


@pytest.mark.parametrize("left", [5, 20, 1000, -1])
def test_gzip_that_ends_early_is_told_as_that(left: int) -> None:
    with pytest.raises(UnusableFile, match="end early") as caught:
        content(gzip.compress(NOISE)[:left])
    assert caught.value.code == "broken_gzip"


@pytest.mark.parametrize("place", [2, 3000, -3, -6])
def test_damaged_gzip_is_told_as_that(place: int) -> None:
    damaged = bytearray(gzip.compress(NOISE))
    damaged[place] ^= 0xFF
    with pytest.raises(UnusableFile, match="damaged") as caught:
        content(bytes(damaged))
    assert caught.value.code == "broken_gzip"


def test_a_gzip_bomb_ends_at_the_limit_and_takes_no_memory() -> None:
    bomb = gzip.compress(b"\n" * 80_000_000, 9)
    assert len(bomb) < 100_000
    limit = 20_000_000
    tracemalloc.start()
    try:
        with pytest.raises(UnusableFile, match=f"unzipped, it has more than {limit} bytes") as caught:
            for _ in Blocks(open_source(io.BytesIO(bomb), max_unzipped_bytes=limit).stream):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == "object_too_large"
    assert peak < 5_000_000


def test_as_many_bytes_as_the_limit_are_read() -> None:
    assert content(gzip.compress(TEXT), max_unzipped_bytes=len(TEXT)) == TEXT
    with pytest.raises(UnusableFile):
        content(gzip.compress(TEXT), max_unzipped_bytes=len(TEXT) - 1)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (workbook("[Content_Types].xml", "xl/workbook.xml"), "this is a spreadsheet; open it and save it as CSV"),
        (workbook("docProps/app.xml", "xl/workbook.xml"), "this is a spreadsheet; open it and save it as CSV"),
        (gzip.compress(workbook("xl/workbook.xml"), mtime=0), "this is a spreadsheet; open it and save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "this is a spreadsheet; open it and save it as CSV"),
        (workbook("penguins.csv"), "this is a zip archive; unpack it and give the file that is in it"),
        (gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), "this is gzip in gzip; unpack it once"),
    ],
    ids=["xlsx", "xlsx-docprops-first", "xlsx-gzip", "xls", "zip", "gzip-twice"],
)
def test_what_is_no_text_is_refused_with_what_to_do(data: bytes, sentence: str) -> None:
    with pytest.raises(UnusableFile) as caught:
        open_source(io.BytesIO(data))
    assert str(caught.value).startswith(sentence)
    assert caught.value.code == "unsupported_format"


@pytest.mark.parametrize("data", [TEXT, gzip.compress(TEXT, mtime=0)])
def test_bytes_of_the_file_are_reported_as_they_are_read(data: bytes) -> None:
    seen: list[int] = []
    content(data, seen=seen.append)
    assert sum(seen) == len(data)
