"""The tables of docs/reference/reliability.md, which test runs write and compare."""

import os
import re
from collections.abc import Sequence

from tests.support.processes import PROJECT

PAGE = PROJECT / "docs/reference/reliability.md"
REFRESH = os.environ.get("REFRESH") == "1"

Rows = Sequence[Sequence[str]]


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- begin: {name} -->\n)(.*?)(<!-- end: {name} -->)", re.DOTALL)


def table(rows: Rows) -> str:
    """Rows as Markdown; the first one is the header."""
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *rest]) + "\n"


def written(name: str) -> str:
    """The table of that name as it stands in the page."""
    found = _block(name).search(PAGE.read_text())
    assert found is not None, f"{PAGE.name} has no table called {name}"
    return found[2]


def compare(name: str, rows: Rows) -> None:
    """The page says the same; with REFRESH=1 it does from now on."""
    if REFRESH:
        write(name, table(rows))
    assert written(name) == table(rows), f"REFRESH=1 writes the table {name} anew"


def write(name: str, text: str) -> None:
    PAGE.write_text(_block(name).sub(lambda found: found[1] + text + found[3], PAGE.read_text()))


def record(label: str, value: str) -> None:
    """With REFRESH=1: put a figure into the table of figures, in the place of the last one of that label."""
    if not REFRESH:
        return
    rows = [line.strip("| ").split(" | ") for line in written("figures").splitlines()[2:]]
    figures = {row[0]: row[1] for row in rows} | {label: value}
    write("figures", table([("what", "measured"), *sorted(figures.items())]))
