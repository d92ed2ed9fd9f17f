"""What readers of files hand on: some rows in order, the valid ones column by column, the others as errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from predictor.errors import InvalidInput, MalformedJson, PredictorError, WideRow
from predictor.models.columns import PenguinColumns

MAX_ROW_NUMBERS: Final = 100

RowError = InvalidInput | MalformedJson | WideRow


@dataclass(frozen=True, slots=True)
class Layout:
    """Of a table: where each feature stands in a row, and how many cells a row has."""

    places: Mapping[str, int]
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """`rows` rows from number `first_row` (counted from 1); `errors` by place in the chunk, `columns` are the others.

    `texts` are the rows as CSV without their line ends, where the reader was asked to keep them.
    """

    first_row: int
    rows: int
    columns: PenguinColumns
    errors: Mapping[int, RowError]
    texts: Sequence[str] = ()


@dataclass(slots=True)
class Count:
    """Rows that went through, how many of them were not scored, and the numbers of the first of these."""

    rows: int = 0
    bad: int = 0
    first_bad: list[int] = field(default_factory=list)

    def add(self, chunk: Chunk) -> None:
        self.rows += chunk.rows
        self.bad += len(chunk.errors)
        room = MAX_ROW_NUMBERS - len(self.first_bad)
        self.first_bad += [chunk.first_row + place for place in islice(chunk.errors, room)]


def describe(error: PredictorError) -> str:
    """One line that says all that is wrong."""
    if isinstance(error, InvalidInput):
        return "; ".join(
            f"{violation.pointer.removeprefix('/')}: {violation.message}" for violation in error.violations
        )
    return str(error)
