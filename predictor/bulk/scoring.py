"""The use case for files: chunks in, lines out, counted."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import repeat
from typing import Final

from predictor.answers import json_lines
from predictor.bulk.chunk import Chunk, Count, Reject
from predictor.bulk.columns import Columns, description
from predictor.bulk.csv_answers import CsvAnswers
from predictor.bulk.csv_text import to_line, to_lines
from predictor.bulk.lines import Blocks, FileFormat
from predictor.bulk.ndjson import Documents
from predictor.bulk.parquet import ParquetTable
from predictor.bulk.source import MAX_UNZIPPED_BYTES, Readable, Seen, Source, open_source
from predictor.bulk.table import Table
from predictor.errors import UnusableFile
from predictor.models import LoadedModel
from predictor.service import predict_batch

Write = Callable[[bytes], object]
Tell = Callable[[str], object]

_PLAIN: Final = ("CSV", "NDJSON")
_SEPARATORS: Final = {",": "", ";": " (;)", "\t": " (tab)"}


class ScoredLines:
    """Iterates over the answers to a file, one numbered JSON line per row, in pieces of many lines.

    `count` is up to date whenever a piece is taken. Iterating raises `UnusableFile`, also in the middle.

    A `live` stream gives what has arrived, and only text: what it is by its first bytes is not looked at.
    """

    def __init__(
        self,
        model: LoadedModel,
        stream: Readable,
        file_format: FileFormat,
        *,
        max_unzipped_bytes: int = MAX_UNZIPPED_BYTES,
        live: bool = False,
        coverage: float | None = None,
    ) -> None:
        """`coverage` of prediction sets; None: the reference's own."""
        self.count = Count()
        self._model = model
        self._stream = stream
        self._file_format = file_format
        self._max_unzipped_bytes = max_unzipped_bytes
        self._live = live
        self._coverage = coverage

    def __iter__(self) -> Iterator[bytes]:
        blocks = Blocks(self._stream if self._live else self._opened())
        reader = Table if self._file_format == "csv" else Documents
        chunks: Iterable[Chunk] = reader(blocks, self._model.schema)
        for chunk in chunks:
            self.count.add(chunk)
            yield json_lines(predict_batch(self._model, chunk.batch, self._coverage), chunk.first_row)

    def _opened(self) -> Readable:
        source = open_source(self._stream, max_unzipped_bytes=self._max_unzipped_bytes)
        if source.parquet:
            raise UnusableFile("unsupported_format", "this is Parquet; save the table as CSV or NDJSON")
        return source.stream


def score_stream(
    model: LoadedModel,
    stream: Readable,
    write: Write,
    seen: Seen | None = None,
    tell: Tell | None = None,
    *,
    coverage: float | None = None,
    reject: Reject | None = None,
    as_csv: bool = False,
) -> Count:
    """Score a stream of CSV, NDJSON or Parquet; its first bytes show which one it is. NDJSON gives NDJSON, else CSV.

    `write` takes the output in pieces, `seen` the number of bytes that were read since it was last called, `tell` one
    line that says what was understood of the file, unless there is nothing to say, `reject` each row that has an error.
    `coverage` is that of the prediction sets; None: the reference's own. With `as_csv` NDJSON gives CSV as well: the
    rows' own ids in a column `id`, then the added columns. Raises `UnusableFile`.
    """
    source = open_source(stream, seen)
    tell = tell or (lambda _: None)
    count = Count(reject=reject)
    blocks = Blocks(source.stream)
    if source.parquet:
        rows = ParquetTable(stream, model.schema)
        _score_table(model, rows, "Parquet", write, tell, count=count, coverage=coverage)
    elif blocks.starts_like_json():
        documents = Documents(blocks, model.schema)
        kind = _named("NDJSON", source)
        _score_documents(model, documents, kind, write, tell, count=count, coverage=coverage, as_csv=as_csv)
    else:
        table = Table(blocks, model.schema, keep_texts=True)
        if not table.header:
            raise UnusableFile("no_rows", "the file is empty: it has neither a header nor a row")
        kind = _named("CSV" + _SEPARATORS[table.separator], source)
        _score_table(model, table, kind, write, tell, count=count, coverage=coverage)
    if not count.rows:
        raise UnusableFile("no_rows", "the file has no rows: there is nothing below its header")
    return count


def _named(kind: str, source: Source) -> str:
    return f"{kind}, gzip" if source.unzipped else kind


def _tell(tell: Tell, kind: str, columns: Columns) -> None:
    understood = description(columns)
    if understood or kind not in _PLAIN:
        tell(f"read as {kind}: {understood or 'every column by its own name'}")


def _score_documents(
    model: LoadedModel,
    documents: Documents,
    kind: str,
    write: Write,
    tell: Tell,
    *,
    count: Count,
    coverage: float | None,
    as_csv: bool,
) -> None:
    told = False
    answers = CsvAnswers(model)
    if as_csv:
        write(to_line(["id", *answers.added]).encode() + b"\n")
    for chunk in documents:
        if documents.columns is not None and not told:
            _tell(tell, kind, documents.columns)
            told = True
        count.add(chunk)
        predictions = predict_batch(model, chunk.batch, coverage)
        if as_csv:
            ids = repeat(None, len(predictions)) if predictions.ids is None else predictions.ids
            write(answers.lines(replace(chunk, texts=to_lines([(own_id,) for own_id in ids])), predictions))
        else:
            write(json_lines(predictions, None))


def _score_table(
    model: LoadedModel,
    table: Table | ParquetTable,
    kind: str,
    write: Write,
    tell: Tell,
    *,
    count: Count,
    coverage: float | None,
) -> None:
    answers = CsvAnswers(model, table.separator)
    taken = set(table.header) & set(answers.added)
    if taken:
        raise UnusableFile("bad_header", f"the file already has a column {min(taken)!r}, which would be added")
    _tell(tell, kind, table.columns)
    write(to_line([*table.header, *answers.added], table.separator).encode() + b"\n")
    for chunk in table:
        count.add(chunk)
        write(answers.lines(chunk, predict_batch(model, chunk.batch, coverage)))
