"""NDJSON to chunks: one JSON document a line.

A line of a message is decoded as the body of a request is. A line of a file is read as the row of a table is: names and
categories in any case and spelling, units converted, members that mean nothing ignored.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from predictor.batch import Batch
from predictor.bulk.chunk import Chunk
from predictor.bulk.columns import Columns, understand
from predictor.bulk.lines import Blocks
from predictor.decoding import decode_row, decode_valid, parse, pointer, validate
from predictor.error_limit import ErrorLimit
from predictor.errors import InvalidInput, MalformedJson, RowFailure, Violation
from predictor.penguin import Penguin
from predictor.prediction import Id, is_id
from predictor.record_schema import ALL_FEATURES, RecordSchema
from predictor.schema import CATEGORIES, NOT_RECORDED, spelled
from predictor.units import converted

Row = tuple[Penguin | RowFailure, Id]


def read_json_lines(text: bytes, schema: RecordSchema = ALL_FEATURES) -> Batch:
    """The rows of a message: of the lines that are not blank, each as exact as the body of a request.

    Their errors share the limit of one answer.
    """
    lines = [line for line in map(bytes.strip, text.split(b"\n")) if line]
    limit = ErrorLimit(len(text), len(lines))
    return _batch([_message_row(line, limit, schema) for line in lines])


def _message_row(line: bytes, limit: ErrorLimit, schema: RecordSchema) -> Row:
    try:
        return decode_row(line, limit, schema)
    except MalformedJson as error:
        return limit.fit(error).without_frames(), None


class Documents:
    """A file: the rows of the lines that are not blank, in chunks."""

    def __init__(self, blocks: Blocks, schema: RecordSchema = ALL_FEATURES) -> None:
        self._blocks = blocks
        self._schema = schema
        self.columns: Columns | None = None
        """What was understood of the first document's names."""
        self._columns = understand((), schema)  # Of the last one's: most have the names of the one before.
        self._hints: list[Violation] = []

    def __iter__(self) -> Iterator[Chunk]:
        """Raises `UnusableFile` for a line that is too long."""
        first_row = 1
        for block in self._blocks:
            rows = [self._row(line) for line in map(bytes.strip, block.split(b"\n")) if line]
            if rows:
                yield Chunk(first_row, _batch(rows))
                first_row += len(rows)

    def _row(self, line: bytes) -> Row:
        if self.columns is not None and (penguin := decode_valid(line, self._schema)) is not None:
            return penguin, None
        own_id: Id = None
        try:
            document = parse(line)
            if not isinstance(document, dict):
                return validate(document, self._schema), None
            names = tuple(document)
            if names != self._columns.names:
                self._columns = understand(names, self._schema)
                self._hints = _hints(self._columns)
            self.columns = self.columns or self._columns
            own_id = _id(document, self._columns)
            return self._read(document), own_id
        except (InvalidInput, MalformedJson) as error:
            return ErrorLimit.of_line(line).fit(error).without_frames(), own_id

    def _read(self, document: dict[str, Any]) -> Penguin:
        """Raises `InvalidInput`."""
        columns = self._columns
        features = {
            feature: value
            for feature, index in columns.index_of.items()
            if (value := _value(columns, feature, document[columns.names[index]])) is not None
        }
        violations = [
            Violation(pointer(name), "duplicate_key", "Must not be given more than once.")
            for name in getattr(document, "repeated", ())
            if name not in columns.others
        ]
        violations += self._hints
        try:
            penguin = validate(features, self._schema)
        except InvalidInput as error:
            raise InvalidInput([*violations, *error.violations], len(violations) + error.count) from None
        if violations:
            raise InvalidInput(violations)
        return penguin


def _hints(columns: Columns) -> list[Violation]:
    """What is wrong with the names: two that mean one feature, or nearly that of one that is missing."""
    return [
        *(
            Violation(pointer(name), "duplicate_key", f"Means {feature}, which must not be given more than once.")
            for feature, names in columns.repeated.items()
            for name in names
        ),
        *(
            Violation(pointer(name), "unknown_field", f"{advice[0].upper()}{advice[1:]}.".replace("?.", "?"))
            for name, advice in columns.near_misses()
        ),
    ]


def _id(document: dict[str, Any], columns: Columns) -> Id:
    value = None if columns.id_index is None else document[columns.names[columns.id_index]]
    return value if is_id(value) else None


def _value(columns: Columns, feature: str, value: Any) -> Any:
    """The value in the feature's unit and spelling; None where nothing was recorded."""
    if isinstance(value, str):
        text = value.strip()
        if text in NOT_RECORDED:
            return None
        return spelled(feature, text) if feature in CATEGORIES else value
    factor = columns.factors.get(feature)
    if factor is None or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return converted(repr(value), factor)


def _batch(rows: Sequence[Row]) -> Batch:
    return Batch.of([answer for answer, _ in rows], [own_id for _, own_id in rows])
