"""CSV (RFC 4180) to chunks of penguins.

As long as no quote has been seen, a block is split at its line ends and commas, which is what `csv.reader` would do at
several times the cost. From the first block with a quote (or a lone carriage return) on, `csv.reader` takes over.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

import numpy as np

from predictor.batch import Batch
from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import Chunk, Layout
from predictor.bulk.csv_fast_path import read_lines
from predictor.bulk.csv_text import to_lines
from predictor.bulk.lines import Blocks, decode_block
from predictor.errors import UnusableFile
from predictor.schema import FEATURES

QUOTED_ROWS: Final = 10_000
QUOTED_BYTES: Final = 1024 * 1024
"""A chunk of rows is full at this many of one or of the other: rows may be wide."""


class Table:
    """A CSV file: its header, then its rows in chunks. Raises `UnusableFile` where it breaks."""

    def __init__(self, blocks: Blocks, *, keep_texts: bool = False) -> None:
        self._blocks = blocks
        self._keep_texts = keep_texts
        self._rows = 0
        self._rest = iter(blocks)
        self.header = self._read_header()
        self._layout = Layout(_places(self.header), len(self.header)) if self.header else Layout({}, 0)

    def __iter__(self) -> Iterator[Chunk]:
        for block in self._rest:
            if _needs_reader(block):
                yield from self._parse(block)
                return
            if not block.isascii():
                decode_block(block, self._lines_before(block))  # Raises if it is not UTF-8.
            text = _plain_lines(block)
            if text:
                yield self._chunk(read_lines(self._layout, text), partial(_plain_texts, text, self._layout.width))

    def _lines_before(self, block: bytes) -> int:
        return self._blocks.lines - block.count(b"\n") - (not block.endswith(b"\n"))

    def _read_header(self) -> list[str]:
        """The first row that is not blank, however many blank lines come before it."""
        for block in self._rest:
            header, used = self._find_header(block)
            if header:
                self._rest = chain([block[used:]], self._rest)
                return header
        return []

    def _find_header(self, block: bytes) -> tuple[list[str], int]:
        """The header, or nothing, and how many bytes it and what comes before it take."""
        before = self._lines_before(block)
        used = 0

        def lines() -> Iterator[str]:
            nonlocal used
            for number, line in enumerate(io.BytesIO(block), start=before):
                used += len(line)
                yield decode_block(line, number)

        rows = _rows(csv.reader(lines(), strict=True), before, 0)
        return next((row for row in rows if any(map(str.strip, row))), []), used

    def _parse(self, block: bytes) -> Iterator[Chunk]:
        """What is left of the file, from `block` on, with quotes."""
        lines_before = self._lines_before(block)
        read = 0

        def lines() -> Iterator[str]:
            nonlocal read
            number = lines_before
            for line in chain.from_iterable(map(io.BytesIO, chain([block], self._rest))):
                read += len(line)
                yield decode_block(line, number)
                number += 1

        table = (row for row in _rows(csv.reader(lines(), strict=True), lines_before, self._rows) if row)
        rows: list[list[str]] = []
        full_at = QUOTED_BYTES
        for row in table:
            rows.append(row)
            if len(rows) == QUOTED_ROWS or read >= full_at:
                yield self._chunk(read_cells(self._layout, rows), partial(_quoted_texts, rows, self._layout.width))
                rows, full_at = [], read + QUOTED_BYTES
        if rows:
            yield self._chunk(read_cells(self._layout, rows), partial(_quoted_texts, rows, self._layout.width))

    def _chunk(self, batch: Batch, texts: Callable[[], Sequence[str]]) -> Chunk:
        first_row = self._rows + 1
        self._rows += len(batch)
        return Chunk(first_row, batch, texts() if self._keep_texts else ())


def _plain_lines(block: bytes) -> bytes:
    """The block's lines that are not blank, each with a line feed at its end."""
    text = block.replace(b"\r\n", b"\n")
    if not text.endswith(b"\n"):
        text += b"\n"
    if text.startswith(b"\n") or b"\n\n" in text:
        text = b"".join(line + b"\n" for line in text.split(b"\n") if line)
    return text


def _plain_texts(text: bytes, width: int) -> list[str]:
    """The lines, as wide as the header. No cell of theirs needs quotes: none has had any."""
    lines = text.decode().removesuffix("\n").split("\n")
    commas = width - 1
    return [line if line.count(",") == commas else ",".join(_fitted(line.split(","), width)) for line in lines]


def _quoted_texts(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    return to_lines(_fitted(row, width) for row in rows)


def _needs_reader(block: bytes) -> bool:
    """Whether splitting at line ends and commas would not be what `csv.reader` does."""
    if b'"' in block or block.count(b"\r") != block.count(b"\r\n"):
        return True
    # A cell that `csv.reader` finds too long is on a line that is.
    view = np.frombuffer(block, dtype=np.uint8)
    return int(np.diff(np.flatnonzero(view == ord("\n")), prepend=-1, append=len(block)).max()) > csv.field_size_limit()


def _rows(table: Any, lines_before: int, rows_before: int) -> Iterator[list[str]]:
    """The reader's rows, blank lines as empty ones."""
    rows = rows_before
    try:
        for row in table:
            rows += bool(row)
            yield row
    except csv.Error as error:
        line = lines_before + table.line_num
        raise UnusableFile("broken_csv", f"line {line} is not CSV: {error}", rows + 1) from error


def _places(header: Sequence[str]) -> dict[str, int]:
    """Where each feature stands; raises `UnusableFile` unless the header names each of them once."""
    missing = [name for name in FEATURES if name not in header]
    if missing:
        found = ", ".join(map(repr, header))[:200]  # In quotes, since a blank beside a name makes it another one.
        raise UnusableFile("bad_header", f"the header lacks {', '.join(missing)}; it has: {found}")
    repeated = [name for name in FEATURES if header.count(name) > 1]
    if repeated:
        raise UnusableFile("bad_header", f"the header names {', '.join(repeated)} more than once")
    return {name: header.index(name) for name in FEATURES}


def _fitted(cells: Sequence[str], width: int) -> list[str]:
    """The row as wide as the header."""
    return [*cells[:width], *[""] * (width - len(cells))]
