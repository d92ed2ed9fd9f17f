"""The use case for files: chunks in, lines out, counted."""

from collections.abc import Callable, Iterable, Iterator

from predictor.answers import json_lines
from predictor.bulk.chunk import Chunk, Count
from predictor.bulk.csv_answers import CsvAnswers
from predictor.bulk.csv_text import to_line
from predictor.bulk.lines import Blocks, FileFormat, Readable, Seen
from predictor.bulk.ndjson import read_ndjson
from predictor.bulk.table import Table
from predictor.errors import UnusableFile
from predictor.models import LoadedModel
from predictor.service import predict_batch

Write = Callable[[bytes], object]


class ScoredLines:
    """Iterates over the answers to a file, one numbered JSON line per row, in pieces of many lines.

    `count` is up to date whenever a piece is taken. Iterating raises `UnusableFile`, also in the middle.
    """

    def __init__(self, model: LoadedModel, stream: Readable, file_format: FileFormat) -> None:
        self.count = Count()
        self._model = model
        self._stream = stream
        self._file_format = file_format

    def __iter__(self) -> Iterator[bytes]:
        blocks = Blocks(self._stream)
        chunks: Iterable[Chunk] = Table(blocks) if self._file_format == "csv" else read_ndjson(blocks)
        for chunk in chunks:
            self.count.add(chunk)
            yield json_lines(predict_batch(self._model, chunk.batch), chunk.first_row)


def score_stream(model: LoadedModel, stream: Readable, write: Write, seen: Seen | None = None) -> Count:
    """Score a stream of CSV or NDJSON; its first line shows which one it is. CSV gives CSV, NDJSON gives NDJSON.

    `write` takes the output in pieces, `seen` the number of bytes that were read since it was last called. Raises
    `UnusableFile`.
    """
    count = Count()
    blocks = Blocks(stream, seen)
    if blocks.starts_like_json():
        for chunk in read_ndjson(blocks):
            count.add(chunk)
            write(json_lines(predict_batch(model, chunk.batch), None))
        return count
    table = Table(blocks, keep_texts=True)
    if not table.header:
        return count
    answers = CsvAnswers(model)
    taken = set(table.header) & set(answers.added)
    if taken:
        raise UnusableFile("bad_header", f"the file already has a column {min(taken)!r}, which would be added")
    write(to_line([*table.header, *answers.added]).encode() + b"\n")
    for chunk in table:
        count.add(chunk)
        write(answers.lines(chunk, predict_batch(model, chunk.batch)))
    return count
