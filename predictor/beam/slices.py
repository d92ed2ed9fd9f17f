"""Files cut into slices that workers read by themselves, and slices read as parts, each a small file of the same kind.

Text is cut by bytes: a line belongs to the slice in which it begins. Parquet is cut by its row groups. gzip cannot be
read from the middle, so such a file is one slice, which still becomes many parts.

The cuts depend on the file alone, so a slice that is read again, by whomever, gives the same parts under the same
names. A quoted cell must not hold a line end where a file is cut; without slices (`slice_bytes` 0) it may.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final, Literal

from predictor.bulk import MAX_LINE_BYTES, Blocks, ParquetTable, Table, open_source, to_line
from predictor.errors import UnusableFile
from predictor.record_schema import ALL_FEATURES, RecordSchema
from predictor.text import first_line

SLICE_BYTES: Final = 8 * 1024 * 1024
_MIN_SLICE_BYTES: Final = 1024 * 1024
_MIN_SLICES: Final = 16
"""Of a file that is large enough: with five slices, one of two workers would have three, and the other wait for it."""
PARQUET_ROWS: Final = 100_000
_MORE_BYTES: Final = 64 * 1024

Open = Callable[[str], IO[bytes]]
"""Opens a path for reading, from any place in it."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes `start` to `end` of a text file, or the row group `number` of a Parquet file.

    `header`: what the lines of a table have to stand below; empty for the first slice, which has it, and for NDJSON.
    `name` is the file's below the output. `alone`: it is the whole file.
    """

    path: str
    name: str
    number: int = 0
    start: int = 0
    end: int = 0
    header: bytes = b""
    kind: Literal["text", "gzip", "parquet"] = "text"
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """A small file. `path` is the file that it was cut from, `name` that of its answers, without an ending.

    `unusable`: why it could not be read.
    """

    path: str
    name: str
    data: bytes
    alone: bool = True
    unusable: str | None = None


def slices_of(
    path: str,
    name: str,
    size: int,
    open_file: Open,
    slice_bytes: int = SLICE_BYTES,
    *,
    schema: RecordSchema = ALL_FEATURES,
) -> Iterator[Slice]:
    """The slices of a file of `size` bytes, for a model with this schema, of at most `slice_bytes` each.

    A smaller file has smaller slices, so that workers share it evenly. `slice_bytes` 0: text is one slice. A file that
    cannot be used is one slice as well, and scoring it says why.
    """
    whole = Slice(path, name, end=size)
    slice_bytes = min(slice_bytes, max(_MIN_SLICE_BYTES, -(-size // _MIN_SLICES)))
    with open_file(path) as stream:
        try:
            source = open_source(stream)
            if source.parquet:
                yield from _row_groups(whole, stream, schema)
                return
            header = _header(Blocks(source.stream), schema)
        except UnusableFile:
            yield Slice(path, name, end=min(size, SLICE_BYTES))  # What is wrong shows in its first bytes.
            return
    if source.unzipped:
        yield Slice(path, name, end=size, header=header, kind="gzip")
    elif not slice_bytes or size <= slice_bytes:
        yield whole
    else:
        for number, start in enumerate(range(0, size, slice_bytes)):
            end = min(start + slice_bytes, size)
            yield Slice(path, name, number, start, end, header if number else b"", alone=False)


def parts_of(one: Slice, open_file: Open, part_bytes: int = SLICE_BYTES) -> Iterator[Part]:
    """The parts of a slice. A file that breaks on the way ends with a part that says so."""
    name = f"{one.name}-{one.number:05d}"
    with open_file(one.path) as stream:
        if one.kind == "text":
            lines = _lines(stream, one.start, one.end)
            if lines or not one.number:
                yield Part(one.path, name, one.header + lines, one.alone)
            return
        number = 0
        try:
            for data in _parquet_parts(one, stream) if one.kind == "parquet" else _unzipped(one, stream, part_bytes):
                yield Part(one.path, f"{name}-{number:05d}", data, alone=False)
                number += 1
        except UnusableFile as error:
            yield Part(one.path, f"{name}-{number:05d}", b"", unusable=str(error))


def _header(blocks: Blocks, schema: RecordSchema) -> bytes:
    """The line that the rows of a table stand below; nothing for NDJSON. Raises `UnusableFile`."""
    if blocks.starts_like_json():
        return b""
    table = Table(blocks, schema)
    return to_line(table.header, table.separator).encode() + b"\n" if table.header else b""


def _lines(stream: IO[bytes], start: int, end: int) -> bytes:
    """The lines that begin from byte `start` on and before byte `end`."""
    if start:
        stream.seek(start - 1)  # With the line end before it, a line that begins right at the start is seen.
        read = stream.read(end - start + 1)
        lines = read[read.find(b"\n") + 1 :] if b"\n" in read else b""
    else:
        lines = stream.read(end)
    if not lines:
        return b""
    rest = io.BytesIO()
    while not lines.endswith(b"\n") and rest.tell() <= MAX_LINE_BYTES and (more := stream.read(_MORE_BYTES)):
        cut = more.find(b"\n") + 1
        rest.write(more[:cut] if cut else more)
        if cut:
            break
    return lines + rest.getvalue()


def _unzipped(one: Slice, stream: IO[bytes], part_bytes: int) -> Iterator[bytes]:
    part = bytearray()
    for block in Blocks(open_source(stream).stream):
        part += block
        if len(part) >= part_bytes:
            yield bytes(part)
            part = bytearray(one.header)
    if len(part) > len(one.header):
        yield bytes(part)


def _row_groups(whole: Slice, stream: IO[bytes], schema: RecordSchema) -> Iterator[Slice]:
    ParquetTable(stream, schema)  # Raises `UnusableFile` for a file whose columns are not understood.
    groups = _parquet_file(stream).num_row_groups
    if not groups:
        yield whole
    for number in range(groups):
        yield Slice(whole.path, whole.name, number, kind="parquet", alone=False)


def _parquet_parts(one: Slice, stream: IO[bytes]) -> Iterator[bytes]:
    import pyarrow
    from pyarrow.parquet import write_table

    try:
        for batch in _parquet_file(stream).iter_batches(PARQUET_ROWS, row_groups=[one.number]):
            part = io.BytesIO()
            write_table(pyarrow.Table.from_batches([batch]), part, compression="none")
            yield part.getvalue()
    except pyarrow.ArrowException as error:
        raise UnusableFile("broken_parquet", f"it cannot be read as Parquet: {first_line(error)}") from error


def _parquet_file(stream: IO[bytes]) -> Any:
    from pyarrow.parquet import ParquetFile

    stream.seek(0)
    return ParquetFile(stream)
