"""CSV (RFC 4180, also with semicolons or tabs) to chunks of penguins.

The header decides on the separator: the one with which most features are found in it. As long as no quote has been
seen, a block is split at its line ends and separators, which is what `csv.reader` would do at several times the cost.
From the first block with a quote (or a lone carriage return) on, `csv.reader` takes over.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final

import numpy as np

from predictor.batch import Batch, known_ids
from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import Chunk, Layout
from predictor.bulk.columns import Columns, check, understand
from predictor.bulk.csv_fast_path import read_lines
from predictor.bulk.csv_text import to_lines
from predictor.bulk.lines import Blocks, decode_block
from predictor.errors import UnusableFile
from predictor.prediction import Id
from predictor.record_schema import ALL_FEATURES, RecordSchema

SEPARATORS: Final = (",", ";", "\t")
_BLANK: Final = " ,;\t\r\n"
QUOTED_ROWS: Final = 10_000
QUOTED_BYTES: Final = 1024 * 1024
"""A chunk of rows is full at this many of one or of the other: rows may be wide."""


class Table:
    """A CSV file: its header, then its rows in chunks. Raises `UnusableFile` where it breaks."""

    def __init__(self, blocks: Blocks, schema: RecordSchema = ALL_FEATURES, *, keep_texts: bool = False) -> None:
        """With `keep_texts` the chunks have the rows as text, else their ids."""
        self._blocks = blocks
        self._schema = schema
        self._keep_texts = keep_texts
        self._rows = 0
        self._rest = iter(blocks)
        self.separator = SEPARATORS[0]
        self.header = self._read_header()
        self.columns: Columns = understand(self.header, schema)
        if self.header:
            check(self.columns)
        self._layout = Layout(self.columns.index_of, len(self.header), self.separator, self.columns.factors, schema)

    def __iter__(self) -> Iterator[Chunk]:
        for block in self._rest:
            if _needs_reader(block):
                yield from self._parse(block)
                return
            if not block.isascii():
                decode_block(block, self._lines_before(block))  # Raises if it is not UTF-8.
            text = _plain_lines(block)
            if text:
                texts = partial(_plain_texts, text, self._layout)
                yield self._chunk(read_lines(self._layout, text), texts, partial(_split, text, self.separator))

    def _lines_before(self, block: bytes) -> int:
        return self._blocks.lines - block.count(b"\n") - (not block.endswith(b"\n"))

    def _read_header(self) -> list[str]:
        """The first row that is not blank, however many blank lines come before it."""
        for block in self._rest:
            found: list[tuple[list[str], int, str]] = []
            failures: list[UnusableFile] = []
            for separator in SEPARATORS:
                try:
                    found.append((*self._find_header(block, separator), separator))
                except UnusableFile as error:  # Also for quotes that are where they must be with another separator.
                    failures.append(error)
            best = max(found, key=lambda one: (self._found_in(one[0]), len(one[0])), default=None)
            if best is None or (failures and not self._found_in(best[0])):
                raise failures[0]
            if best[0]:
                header, used, self.separator = best
                self._rest = chain([block[used:]], self._rest)
                return header
        return []

    def _found_in(self, header: Sequence[str]) -> int:
        """How many features."""
        return len(understand(header, self._schema).index_of)

    def _find_header(self, block: bytes, separator: str) -> tuple[list[str], int]:
        """The header, or nothing, and how many bytes it and what comes before it take."""
        before = self._lines_before(block)
        used = 0

        def lines() -> Iterator[str]:
            nonlocal used
            for number, line in enumerate(io.BytesIO(block), start=before):
                used += len(line)
                yield decode_block(line, number)

        rows = _rows(csv.reader(lines(), delimiter=separator, strict=True), before, 0)
        return next((row for row in rows if any(cell.strip(_BLANK) for cell in row)), []), used

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

        table = (
            row
            for row in _rows(csv.reader(lines(), delimiter=self.separator, strict=True), lines_before, self._rows)
            if row
        )
        rows: list[list[str]] = []
        full_at = QUOTED_BYTES
        for row in table:
            rows.append(row)
            if len(rows) == QUOTED_ROWS or read >= full_at:
                yield self._quoted_chunk(rows)
                rows, full_at = [], read + QUOTED_BYTES
        if rows:
            yield self._quoted_chunk(rows)

    def _quoted_chunk(self, rows: Sequence[Sequence[str]]) -> Chunk:
        batch = read_cells(self._layout, rows)
        return self._chunk(batch, partial(_quoted_texts, rows, self._layout), rows.__iter__)

    def _chunk(
        self, batch: Batch, texts: Callable[[], Sequence[str]], rows: Callable[[], Iterator[Sequence[str]]]
    ) -> Chunk:
        first_row = self._rows + 1
        self._rows += len(batch)
        if self._keep_texts:
            return Chunk(first_row, batch, texts())
        index = self.columns.id_index
        if index is not None:
            ids: list[Id] = [row[index] or None if index < len(row) else None for row in rows()]
            batch = Batch(batch.columns, batch.errors, known_ids(ids))
        return Chunk(first_row, batch)


def _plain_lines(block: bytes) -> bytes:
    """The block's lines that are not blank, each with a line feed at its end."""
    text = block.replace(b"\r\n", b"\n")
    if not text.endswith(b"\n"):
        text += b"\n"
    if text.startswith(b"\n") or b"\n\n" in text:
        text = b"".join(line + b"\n" for line in text.split(b"\n") if line)
    return text


def _split(text: bytes, separator: str) -> Iterator[list[str]]:
    return (line.split(separator) for line in text.decode().removesuffix("\n").split("\n"))


def _plain_texts(text: bytes, layout: Layout) -> list[str]:
    """The lines, as wide as the header. No cell of theirs needs quotes: none has had any."""
    lines = text.decode().removesuffix("\n").split("\n")
    separator, most = layout.separator, layout.width - 1
    return [
        line if line.count(separator) == most else separator.join(_fitted(line.split(separator), layout.width))
        for line in lines
    ]


def _quoted_texts(rows: Sequence[Sequence[str]], layout: Layout) -> list[str]:
    return to_lines((_fitted(row, layout.width) for row in rows), layout.separator)


def _needs_reader(block: bytes) -> bool:
    """Whether splitting at line ends and separators would not be what `csv.reader` does."""
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


def _fitted(cells: Sequence[str], width: int) -> list[str]:
    """The row as wide as the header."""
    return [*cells[:width], *[""] * (width - len(cells))]
