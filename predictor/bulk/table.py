"""CSV (RFC 4180) to chunks of penguins.

As long as no quote has been seen, a block is split at its line ends and commas, which is what `csv.reader` would do at
several times the cost. From the first block with a quote (or a lone carriage return) on, `csv.reader` takes over.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final

import numpy as np

from predictor.bulk.cells import Layout, read_columns
from predictor.bulk.chunk import Chunk
from predictor.bulk.csv_text import to_lines
from predictor.bulk.lines import Blocks, decode_block
from predictor.errors import UnusableFile
from predictor.penguin import FEATURES

QUOTED_ROWS: Final = 10_000


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
            text = decode_block(block, self._lines_before(block))
            lines = [line for line in text.replace("\r\n", "\n").split("\n") if line]
            if lines:
                yield self._split(lines)

    def _lines_before(self, block: bytes) -> int:
        return self._blocks.lines - block.count(b"\n") - (not block.endswith(b"\n"))

    def _read_header(self) -> list[str]:
        first = next(self._rest, b"")
        used = 0

        def lines() -> Iterator[str]:
            nonlocal used
            for number, line in enumerate(io.BytesIO(first)):
                used += len(line)
                yield decode_block(line, number)

        # Blank lines may come before it.
        header = next((row for row in _rows(csv.reader(lines(), strict=True), 0, 0) if any(map(str.strip, row))), [])
        self._rest = chain([first[used:]], self._rest)
        return header

    def _split(self, lines: list[str]) -> Chunk:
        """Lines without quotes."""
        width = self._layout.width
        commas = [line.count(",") for line in lines]
        regular = lines
        if commas.count(width - 1) != len(lines):
            blank = "," * (width - 1)
            regular = [line if count == width - 1 else blank for line, count in zip(lines, commas, strict=True)]
        cells = ",".join(regular).split(",")
        columns = {name: cells[place::width] for name, place in self._layout.places.items()}
        texts: Sequence[str] = ()
        if self._keep_texts:
            texts = lines if regular is lines else [",".join(_fitted(line.split(","), width)) for line in lines]
        return self._chunk(len(lines), columns, lambda place: lines[place].split(","), texts)

    def _parse(self, block: bytes) -> Iterator[Chunk]:
        """What is left of the file, from `block` on, with quotes."""
        lines_before = self._lines_before(block)
        width = self._layout.width
        blank = [""] * width

        def lines() -> Iterator[str]:
            number = lines_before
            for line in chain.from_iterable(map(io.BytesIO, chain([block], self._rest))):
                yield decode_block(line, number)
                number += 1

        table = (row for row in _rows(csv.reader(lines(), strict=True), lines_before, self._rows) if row)
        while rows := list(islice(table, QUOTED_ROWS)):
            columns = list(zip(*(row if len(row) == width else blank for row in rows), strict=True))
            texts = to_lines(_fitted(row, width) for row in rows) if self._keep_texts else ()
            features = {name: columns[place] for name, place in self._layout.places.items()}
            yield self._chunk(len(rows), features, rows.__getitem__, texts)

    def _chunk(
        self,
        rows: int,
        columns: Mapping[str, Sequence[str]],
        row: Callable[[int], Sequence[str]],
        texts: Sequence[str],
    ) -> Chunk:
        birds, errors = read_columns(self._layout, columns, row)
        first_row = self._rows + 1
        self._rows += rows
        return Chunk(first_row, rows, birds, errors, texts)


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
        found = ", ".join(header)[:200]
        raise UnusableFile("bad_header", f"the header lacks {', '.join(missing)}; it has: {found}")
    repeated = [name for name in FEATURES if header.count(name) > 1]
    if repeated:
        raise UnusableFile("bad_header", f"the header names {', '.join(repeated)} more than once")
    return {name: header.index(name) for name in FEATURES}


def _fitted(cells: Sequence[str], width: int) -> list[str]:
    """The row as wide as the header."""
    return [*cells[:width], *[""] * (width - len(cells))]
