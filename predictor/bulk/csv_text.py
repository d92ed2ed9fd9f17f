"""Cells to CSV text, quoted where they must be."""

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import Final

_LINE_END: Final = "\r\n"


def to_lines(rows: Iterable[Sequence[object]], separator: str = ",") -> list[str]:
    """One line per row, without its end."""
    lines: list[str] = []
    # The writer quotes a cell for the characters of its line end, so that must have both.
    csv.writer(_Sink(lines.append), delimiter=separator, lineterminator=_LINE_END).writerows(rows)
    return [line[: -len(_LINE_END)] for line in lines]


def to_line(cells: Sequence[object], separator: str = ",") -> str:
    return to_lines([cells], separator)[0]


class _Sink:
    """What `csv.writer` wants: an object with a `write`."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write
