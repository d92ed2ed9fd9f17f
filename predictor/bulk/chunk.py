"""What the readers of files produce: some rows in order, as a batch, and a count of the rows so far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Final

from predictor.batch import Batch
from predictor.errors import HintedViolation, InvalidInput, PredictorError, RowFailure, Violation
from predictor.record_schema import ALL_FEATURES, RecordSchema

MAX_ROW_NUMBERS: Final = 100
"""So many invalid rows of a file are named."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Of a table: the index of each needed feature's cell in a row, how many cells a row has, and what separates them.

    `factors`: what the values of columns in another unit are multiplied by.
    """

    index_of: Mapping[str, int]
    width: int
    separator: str = ","
    factors: Mapping[str, Decimal] = field(default_factory=dict)
    schema: RecordSchema = ALL_FEATURES


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """The rows from number `first_row` on (counted from 1).

    `texts` are the rows as CSV without their line ends, where the reader was asked to keep them.
    """

    first_row: int
    batch: Batch
    texts: Sequence[str] = ()


Reject = Callable[[int, RowFailure], object]
"""Takes the number of an invalid row and what is wrong with it."""


@dataclass(slots=True)
class Count:
    """Rows read, how many of them are invalid, and the numbers of the first of these. All go to `reject`."""

    rows: int = 0
    invalid: int = 0
    first_invalid: list[int] = field(default_factory=list)
    reject: Reject | None = None

    def add(self, chunk: Chunk) -> None:
        errors = chunk.batch.errors
        self.rows += len(chunk.batch)
        self.invalid += len(errors)
        missing = MAX_ROW_NUMBERS - len(self.first_invalid)
        self.first_invalid += [chunk.first_row + index for index in islice(errors, missing)]
        if self.reject is not None:
            for index, error in errors.items():
                self.reject(chunk.first_row + index, error)


def describe(error: PredictorError) -> str:
    """One line that lists everything that is wrong."""
    if isinstance(error, InvalidInput):
        shown = [_sentence(violation) for violation in error.violations]
        sentences = shown if error.count == len(shown) else [*shown, str(error)]
        return "; ".join(sentence.removesuffix(".") for sentence in sentences) + "."
    return str(error)


def _sentence(violation: Violation) -> str:
    name = violation.pointer.removeprefix("/")
    hint = f" {violation.hint}" if isinstance(violation, HintedViolation) else ""
    # Without a name it is about the whole row.
    return f"{name}: {violation.message}{hint}" if name else violation.message
