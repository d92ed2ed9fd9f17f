"""A file of penguins in, the same file with predictions out, in chunks: memory does not grow with the file.

CSV keeps its columns and gets `prediction`, `probability`, one `probability_<class>` per class, and `error`. NDJSON
gives, line by line, what the web answers for a row of `instances`. A bad row never fails the others.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO, Final, TypeVar

import orjson

from predictor.decoding import decode_penguin, validate
from predictor.errors import InvalidInput, MalformedJson, PredictorError
from predictor.models.loader import LoadedModel
from predictor.penguin import FEATURES, MEASUREMENTS, Penguin
from predictor.prediction import Prediction
from predictor.service import predict
from predictor.web.encoding import row_error

CHUNK_ROWS: Final = 1000
MAX_LINE_BYTES: Final = 1024 * 1024

# How tables say that something was not recorded.
_MISSING: Final = frozenset({"", "NA"})
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")

T = TypeVar("T")
Write = Callable[[str], object]
Row = Penguin | InvalidInput | MalformedJson


class UnusableFile(PredictorError):
    """A file as a whole is not a table or a list of penguins."""


@dataclass(slots=True)
class Count:
    """Rows that went through, and how many of them were not scored."""

    rows: int = 0
    bad: int = 0


def score(model: LoadedModel, stream: BinaryIO, write: Write, seen: Callable[[int], object] | None = None) -> Count:
    """Score a stream of CSV or NDJSON; which one it is shows in its first line.

    `write` takes the output in pieces, `seen` the number of bytes that were read since it was last called. Raises
    `UnusableFile`.
    """
    lines = _lines(stream, seen)
    first = next((line for line in lines if line.strip()), b"")
    first = first.removeprefix(b"\xef\xbb\xbf")
    score_lines = _score_ndjson if first.lstrip().startswith((b"{", b"[")) else _score_csv
    return score_lines(model, chain([first], lines), write)


def _lines(stream: BinaryIO, seen: Callable[[int], object] | None) -> Iterator[bytes]:
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise UnusableFile(f"line {number} is longer than {MAX_LINE_BYTES} bytes")
        if seen is not None:
            seen(len(line))
        yield line


def _score_ndjson(model: LoadedModel, lines: Iterable[bytes], write: Write) -> Count:
    count = Count()
    for chunk in _chunks(line for line in lines if line.strip()):
        for answer in _answers(model, [_decode_line(line) for line in chunk], count):
            document = answer if isinstance(answer, Prediction) else _error(answer)
            write(orjson.dumps(document).decode() + "\n")
    return count


def _decode_line(line: bytes) -> Row:
    try:
        return decode_penguin(line.strip())
    except (InvalidInput, MalformedJson) as error:
        return error


def _error(error: InvalidInput | MalformedJson) -> dict[str, Any]:
    return row_error(error) if isinstance(error, InvalidInput) else {"error": {"detail": str(error), "errors": []}}


def _score_csv(model: LoadedModel, lines: Iterable[bytes], write: Write) -> Count:
    count = Count()
    table = csv.reader(_decoded(lines), strict=True)
    header = _next_row(table)
    if header is None:
        return count
    places = _places(header)
    added = ["prediction", "probability", *(f"probability_{name}" for name in model.manifest.classes), "error"]
    taken = set(header) & set(added)
    if taken:
        raise UnusableFile(f"the file already has a column {min(taken)!r}, which would be added")
    writer = csv.writer(_Writer(write), lineterminator="\n")
    writer.writerow([*header, *added])
    for chunk in _chunks(_rows(table)):
        decoded = [_decode_cells(cells, places, len(header)) for cells in chunk]
        for cells, answer in zip(chunk, _answers(model, decoded, count), strict=True):
            kept = [*cells[: len(header)], *[""] * (len(header) - len(cells))]
            writer.writerow([*kept, *_added_cells(answer, len(added))])
    return count


class _Writer:
    """What `csv.writer` wants: an object with a `write`."""

    def __init__(self, write: Write) -> None:
        self.write = write


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise UnusableFile(f"line {number} is not UTF-8") from error


def _next_row(table: Any) -> list[str] | None:
    try:
        row: list[str] | None = next(table, None)
    except csv.Error as error:
        raise UnusableFile(f"line {table.line_num} is not CSV: {error}") from error
    return row


def _rows(table: Any) -> Iterator[list[str]]:
    while (row := _next_row(table)) is not None:
        if row:
            yield row


def _places(header: Sequence[str]) -> dict[str, int]:
    """Where each feature stands; raises `UnusableFile` unless the header names each of them once."""
    missing = [name for name in FEATURES if name not in header]
    if missing:
        found = ", ".join(header)[:200]
        raise UnusableFile(f"the header lacks {', '.join(missing)}; it has: {found}")
    repeated = [name for name in FEATURES if header.count(name) > 1]
    if repeated:
        raise UnusableFile(f"the header names {', '.join(repeated)} more than once")
    return {name: header.index(name) for name in FEATURES}


def _decode_cells(cells: Sequence[str], places: dict[str, int], width: int) -> Row:
    if len(cells) > width:
        return MalformedJson(f"the row has {len(cells)} cells, the header {width}")
    document: dict[str, Any] = {}
    for name, place in places.items():
        cell = cells[place].strip() if place < len(cells) else ""
        if cell not in _MISSING:
            document[name] = float(cell) if name in MEASUREMENTS and _NUMBER.fullmatch(cell) else cell
    try:
        return validate(document)
    except InvalidInput as error:
        return error


def _added_cells(answer: Prediction | InvalidInput | MalformedJson, width: int) -> list[Any]:
    if isinstance(answer, Prediction):
        return [answer.prediction, answer.probability, *answer.probabilities.values(), ""]
    return [*[""] * (width - 1), describe(answer)]


def describe(error: PredictorError) -> str:
    """One line that says all that is wrong."""
    if isinstance(error, InvalidInput):
        return "; ".join(
            f"{violation.pointer.removeprefix('/')}: {violation.message}" for violation in error.violations
        )
    return str(error)


def _answers(
    model: LoadedModel, rows: Sequence[Row], count: Count
) -> Iterator[Prediction | InvalidInput | MalformedJson]:
    predictions = iter(predict(model, [row for row in rows if isinstance(row, Penguin)]))
    for row in rows:
        count.rows += 1
        if isinstance(row, Penguin):
            yield next(predictions)
        else:
            count.bad += 1
            yield row


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK_ROWS)):
        yield chunk
