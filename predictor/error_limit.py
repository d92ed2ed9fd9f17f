"""How much the errors of one answer may say, so that a small request cannot ask for a large answer.

A thousand rows of a hundred unknown fields have half a megabyte; describing every violation would take 15 MB. So the
errors of one answer share a number of bytes, which the rows use in their order: a row lists all of its violations, or
as many as still fit, or only says how many there are.
"""

from typing import Final

import orjson

from predictor.errors import InvalidInput, MalformedJson, RowFailure

MAX_VIOLATIONS: Final = 100
"""Of one row or document."""
ANSWER_BYTES: Final = 60_000
"""For the errors of any answer, whatever was sent; with the rest of the answer it stays below 64 kB."""
LINE_BYTES: Final = 2_000
"""The same for one line of a file, where answers are written line by line: enough for all fields of a penguin."""
_FACTOR: Final = 4
"""More, for each byte that was sent. A usual mistake in every row takes less than this."""
_ROW_BYTES: Final = 72
"""Of a row that only says its number and how many violations it has."""
_DETAIL_BYTES: Final = 30
"""More, for a sentence that also says how many of them are shown."""
_LEAST_VIOLATION_BYTES: Final = 64


class ErrorLimit:
    """The bytes that are left for the errors of one answer."""

    def __init__(self, request_bytes: int, rows: int, more_bytes: int = ANSWER_BYTES) -> None:
        self._left = _FACTOR * request_bytes + more_bytes - _ROW_BYTES * rows

    @classmethod
    def of_line(cls, line: bytes) -> "ErrorLimit":
        return cls(len(line), 1, LINE_BYTES)

    @property
    def violations(self) -> int:
        """How many violations of one row may fit. More than these need not be described."""
        return max(0, min(MAX_VIOLATIONS, self._left // _LEAST_VIOLATION_BYTES))

    def fit(self, error: RowFailure) -> RowFailure:
        """The error, or a shorter one, and subtract its size."""
        if isinstance(error, InvalidInput):
            return self._fit_violations(error)
        size = len(str(error).encode())
        if size > self._left:
            return MalformedJson() if isinstance(error, MalformedJson) else error
        self._left -= size
        return error

    def _fit_violations(self, error: InvalidInput) -> InvalidInput:
        left = self._left - _DETAIL_BYTES
        for index, violation in enumerate(error.violations):
            size = len(orjson.dumps(violation)) + 1
            if size > left:
                return self._shortened(error, index, left)
            left -= size
        self._left = max(left, 0) if error.violations else self._left
        return error

    def _shortened(self, error: InvalidInput, shown: int, left: int) -> InvalidInput:
        if shown:
            self._left = left
        return InvalidInput(error.violations[:shown], error.count, error.refused)
