"""Cells to CSV text, quoted where they must be."""

import csv
from collections.abc import Callable, Iterable, Sequence


def to_lines(rows: Iterable[Sequence[object]], separator: str = ",") -> list[str]:
    """One line per row, without its end."""
    lines: list[str] = []
    csv.writer(_Sink(lines.append), delimiter=separator, lineterminator="").writerows(rows)
    return lines


def to_line(cells: Sequence[object], separator: str = ",") -> str:
    return to_lines([cells], separator)[0]


class _Sink:
    """What `csv.writer` wants: an object with a `write`."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write
