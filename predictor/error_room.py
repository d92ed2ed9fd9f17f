"""How much the errors of one answer may say, so that a small request cannot ask for a large answer.

A thousand rows of a hundred unknown fields have half a megabyte; describing every violation would take 15 MB. The rows
come in order, and each takes the room that is left: first all of its violations, then as many as fit, at last only
their number.
"""

from typing import Final

import orjson

from predictor.errors import InvalidInput, MalformedJson, RowFailure

MAX_VIOLATIONS: Final = 100
"""Of one row or document."""
ANSWER_BYTES: Final = 60_000
"""Room of every answer, whatever was asked; with the frame of the answer it stays below 64 kB."""
LINE_BYTES: Final = 2_000
"""The same for one line of a file, where answers are written line by line: enough for all fields of a penguin."""
_FACTOR: Final = 4
"""Times the bytes that were sent. A usual mistake in every row takes less than this."""
_ROW_BYTES: Final = 72
"""What a row needs that only says how many violations it has, with its number."""
_DETAIL_BYTES: Final = 30
"""More, for a sentence that also says how many of them are shown."""
_LEAST_VIOLATION_BYTES: Final = 64


class ErrorRoom:
    """The room for the errors of one answer."""

    def __init__(self, request_bytes: int, rows: int, more_bytes: int = ANSWER_BYTES) -> None:
        self._left = _FACTOR * request_bytes + more_bytes - _ROW_BYTES * rows

    @classmethod
    def of_line(cls, line: bytes) -> "ErrorRoom":
        return cls(len(line), 1, LINE_BYTES)

    @property
    def violations(self) -> int:
        """More violations of one row do certainly not fit: nobody needs to describe them."""
        return max(0, min(MAX_VIOLATIONS, self._left // _LEAST_VIOLATION_BYTES))

    def fit(self, error: RowFailure) -> RowFailure:
        """The error, or a shorter one; takes its room."""
        if isinstance(error, InvalidInput):
            return self._fit_violations(error)
        size = len(str(error).encode())
        if size > self._left:
            return MalformedJson() if isinstance(error, MalformedJson) else error
        self._left -= size
        return error

    def _fit_violations(self, error: InvalidInput) -> InvalidInput:
        left = self._left - _DETAIL_BYTES
        for place, violation in enumerate(error.violations):
            size = len(orjson.dumps(violation)) + 1
            if size > left:
                return self._shortened(error, place, left)
            left -= size
        self._left = max(left, 0) if error.violations else self._left
        return error

    def _shortened(self, error: InvalidInput, shown: int, left: int) -> InvalidInput:
        if shown:
            self._left = left
        return InvalidInput(error.violations[:shown], error.count, error.refused)
