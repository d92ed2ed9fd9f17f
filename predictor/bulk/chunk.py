"""What readers of files hand on: some rows in order, the valid ones column by column, the others as errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from predictor.errors import InvalidInput, MalformedJson, PredictorError
from predictor.models.columns import PenguinColumns

RowError = InvalidInput | MalformedJson


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


def describe(error: PredictorError) -> str:
    """One line that says all that is wrong."""
    if isinstance(error, InvalidInput):
        return "; ".join(
            f"{violation.pointer.removeprefix('/')}: {violation.message}" for violation in error.violations
        )
    return str(error)
