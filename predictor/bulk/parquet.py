"""Parquet to chunks, for the command line: its columns as text, then as any table.

pyarrow reads it, which is installed for training only. As text, because that is the same number: 39.1 kept in four
bytes is not 39.1 in eight, but both are written "39.1".
"""

from collections.abc import Iterator
from typing import Any, Final

from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import Chunk, Layout
from predictor.bulk.columns import check, understand
from predictor.bulk.csv_text import to_lines
from predictor.errors import UnusableFile
from predictor.record_schema import ALL_FEATURES, RecordSchema
from predictor.text import first_line

ROWS_AT_ONCE: Final = 8192


class ParquetTable:
    """A Parquet file: the names of its columns, then its rows in chunks."""

    separator = ","

    def __init__(self, stream: Any, schema: RecordSchema = ALL_FEATURES) -> None:
        """`stream` is an open file. Raises `UnusableFile`."""
        if not (hasattr(stream, "seekable") and stream.seekable()):
            raise UnusableFile("unsupported_format", "Parquet cannot be read from a pipe; give the file's name")
        stream.seek(0)
        try:
            import pyarrow
            from pyarrow.parquet import ParquetFile
        except ImportError as error:
            reason = "this is Parquet, which needs pyarrow: `pip install pyarrow`, or save the table as CSV"
            raise UnusableFile("unsupported_format", reason) from error
        self._errors = (pyarrow.ArrowException, OSError)
        try:
            self._file = ParquetFile(stream)
            self.header = list(self._file.schema_arrow.names)
        except self._errors as error:
            raise _broken(error) from error
        self.columns = understand(self.header, schema)
        check(self.columns)
        self._layout = Layout(self.columns.index_of, len(self.header), factors=self.columns.factors, schema=schema)

    def __iter__(self) -> Iterator[Chunk]:
        first_row = 1
        batches = self._file.iter_batches(ROWS_AT_ONCE)
        while True:
            try:
                batch = next(batches, None)
            except self._errors as error:
                raise _broken(error) from error
            if batch is None:
                return
            rows = list(zip(*map(_texts, batch.columns), strict=True))
            if rows:
                yield Chunk(first_row, read_cells(self._layout, rows), to_lines(rows))
                first_row += len(rows)


def _texts(column: Any) -> list[str]:
    """Each value as text; nothing for one that is not there."""
    import pyarrow

    try:
        values = column.cast(pyarrow.string()).to_pylist()
    except pyarrow.ArrowException:  # Lists, records, and other types that have no text of their own.
        values = column.to_pylist()
    return ["" if value is None or value == "nan" else str(value) for value in values]


def _broken(error: BaseException) -> UnusableFile:
    return UnusableFile("broken_parquet", f"it cannot be read as Parquet: {first_line(error)}")
