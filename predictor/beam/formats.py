"""The answers to a part as NDJSON or Parquet, made from the CSV that `predict FILE` writes: the same columns and texts.

The added numbers and booleans get their types. What a table came with keeps its types if it came as Parquet, and is
text otherwise: a part of a CSV file does not know what the cells of the other parts are.
"""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import orjson

from predictor.bulk import SEPARATORS, CsvAnswers, is_parquet, to_line
from predictor.errors import UnusableFile
from predictor.models import LoadedModel

Format = Literal["csv", "ndjson", "parquet"]

_BOOLEANS: Final = ("in_distribution", "abstain")
_TEXTS: Final = ("prediction", "prediction_set", "warnings", "error")


def to_parquet(model: LoadedModel, source: bytes, answers: bytes) -> bytes:
    """As `to_ndjson`, as a Parquet file."""
    from pyarrow.parquet import write_table

    file = io.BytesIO()
    write_table(_table(model, source, answers), file)
    return file.getvalue()


def to_ndjson(model: LoadedModel, source: bytes, answers: bytes) -> bytes:
    """`answers` is the CSV that the small file `source` gives; one flat document per row, empty cells as null.

    Raises `UnusableFile` for a table in which two columns have one name.
    """
    option = orjson.OPT_APPEND_NEWLINE
    return b"".join(orjson.dumps(row, default=str, option=option) for row in _table(model, source, answers).to_pylist())


def _table(model: LoadedModel, source: bytes, answers: bytes) -> Any:
    """A `pyarrow.Table` with one row per row of `source`."""
    import pyarrow
    from pyarrow.parquet import read_table

    added = CsvAnswers(model).added
    header, *rows = _cells(answers, added)
    names = header[: -len(added)]
    if len({*names}) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        reason = f"the file has two columns {twice!r}, which only CSV can hold; rename one, or use --format csv"
        raise UnusableFile("bad_header", reason)
    if is_parquet(source):
        table = read_table(io.BytesIO(source))
    else:
        # A row that is too wide or too narrow has an error, and the added cells are always its last ones.
        own = [[*row[: -len(added)], *[""] * len(names)] for row in rows]
        columns = [_column([row[index] for row in own], str, pyarrow.string()) for index in range(len(names))]
        table = pyarrow.table(columns, names)
    for index, name in enumerate(added, start=-len(added)):
        column = _column([row[index] for row in rows], *_type_of(name))
        table = table.append_column(pyarrow.field(name, column.type), column)
    return table


def _cells(answers: bytes, added: Sequence[str]) -> list[list[str]]:
    """The cells of each line; what separates them is what separates the names of the added columns."""
    separator = next(mark for mark in SEPARATORS if f"{mark}{to_line(added, mark)}\n".encode() in answers)
    return list(csv.reader(io.StringIO(answers.decode(), newline=""), delimiter=separator, strict=True))


def _type_of(name: str) -> tuple[Callable[[str], Any], Any]:
    """What reads a cell of the added column, and the column's type. Each class has a column of numbers, too."""
    import pyarrow

    if name in _BOOLEANS:
        return "true".__eq__, pyarrow.bool_()
    if name in _TEXTS:
        return str, pyarrow.string()
    return float, pyarrow.float64()


def _column(cells: Sequence[str], read: Callable[[str], Any], kind: Any) -> Any:
    import pyarrow

    return pyarrow.array([read(cell) if cell else None for cell in cells], kind)
