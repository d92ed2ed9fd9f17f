"""The use case for files: chunks in, lines out, counted."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Literal

from predictor.bulk.answers import Answers, CsvAnswers, JsonAnswers
from predictor.bulk.chunk import Chunk, Count
from predictor.bulk.csv_text import to_line
from predictor.bulk.lines import Blocks, Readable, Seen
from predictor.bulk.ndjson import read_ndjson
from predictor.bulk.table import Table
from predictor.errors import UnusableFile
from predictor.models.loader import LoadedModel
from predictor.service import predict_columns

FileFormat = Literal["csv", "ndjson"]
Write = Callable[[bytes], object]


def answer_lines(model: LoadedModel, stream: Readable, file_format: FileFormat, count: Count) -> Iterator[bytes]:
    """One numbered JSON line per row, in pieces; `count` is ahead of what has been taken by at most one of them.

    Raises `UnusableFile`, also in the middle.
    """
    blocks = Blocks(stream)
    chunks = Table(blocks) if file_format == "csv" else read_ndjson(blocks)
    return _answer(model, chunks, JsonAnswers(model, numbered=True), count)


def _answer(model: LoadedModel, chunks: Iterable[Chunk], answers: Answers, count: Count) -> Iterator[bytes]:
    for chunk in chunks:
        count.add(chunk)
        yield answers(chunk, predict_columns(model, chunk.columns))


def score(model: LoadedModel, stream: Readable, write: Write, seen: Seen | None = None) -> Count:
    """Score a stream of CSV or NDJSON; which one it is shows in its first line. CSV gives CSV, NDJSON gives NDJSON.

    `write` takes the output in pieces, `seen` the number of bytes that were read since it was last called. Raises
    `UnusableFile`.
    """
    count = Count()
    blocks = Blocks(stream, seen)
    if blocks.starts_like_json():
        pieces = _answer(model, read_ndjson(blocks), JsonAnswers(model, numbered=False), count)
    else:
        pieces = _score_table(model, Table(blocks, keep_texts=True), count)
    for piece in pieces:
        write(piece)
    return count


def _score_table(model: LoadedModel, table: Table, count: Count) -> Iterator[bytes]:
    if not table.header:
        return iter(())
    answers = CsvAnswers(model)
    taken = set(table.header) & set(answers.added)
    if taken:
        raise UnusableFile("bad_header", f"the file already has a column {min(taken)!r}, which would be added")
    header = to_line([*table.header, *answers.added]).encode() + b"\n"
    return chain([header], _answer(model, table, answers, count))
