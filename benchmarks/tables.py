"""A run as tables: rows of cells for the HTML report, aligned text for the terminal and for the page on performance."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.document import write_between
from benchmarks.goals import GOALS
from benchmarks.paths import PERFORMANCE_PAGE
from benchmarks.results import Results
from benchmarks.runner import BATCHES

Rows = list[list[str]]

COLUMNS: Final = (
    # Heading, quantity, number format. Latency and CPU are those at 8 connections.
    ("req/s 1", "rps_1", ",.0f"),
    ("8", "rps_8", ",.0f"),
    ("64", "rps_64", ",.0f"),
    ("p50 ms", "p50_8_ms", ".2f"),
    ("p95", "p95_8_ms", ".2f"),
    ("p99", "p99_8_ms", ".2f"),
    ("CPU s/1000", "cpu_s_per_1000_8", ".3f"),
    ("req/s/vCPU", "rps_per_vcpu_8", ",.0f"),
    ("cold ms", "cold_ms", ",.0f"),
    ("PSS MiB", "pss_mib", ".0f"),
    ("alone MiB", "alone_mib", ".0f"),
    ("install MB", "install_mb", ".0f"),
)
_BEGIN: Final = "<!-- figures: written by `python -m benchmarks --document` -->"
_END: Final = "<!-- end of figures -->"


def contenders(results: Results) -> Rows:
    """The medians of each contender; a cell is empty where nothing was measured."""
    rows = [["", *(heading for heading, _, _ in COLUMNS)]]
    for name in results.samples:
        medians = [(results.median(name, quantity), form) for _, quantity, form in COLUMNS]
        rows.append([name, *("" if value is None else format(value, form) for value, form in medians)])
    return rows


def batches(results: Results, sizes: Sequence[int] = BATCHES) -> Rows:
    """Microseconds per row and rows per second, by the number of penguins in a request."""
    rows = [["us/row (rows/s)", *(f"{size:,}" for size in sizes)]]
    for name in results.samples:
        pairs = [(results.median(name, f"batch_{n}_ms"), results.median(name, f"rows_per_s_{n}"), n) for n in sizes]
        cells = [f"{ms / n * 1000:,.1f} ({per_s:,.0f})" if ms and per_s else "" for ms, per_s, n in pairs]
        rows += [[name, *cells]] if any(cells) else []
    return rows


def goals(results: Results) -> Rows:
    rows = [["goal", "limit", "median [lowest-highest]", ""]]
    for goal in GOALS:
        limit = f"{'>=' if goal.at_least else '<='} {goal.limit:g}"
        state = {True: "reached", False: "MISSED", None: "not measured"}[goal.reached(results)]
        rows.append([goal.title, limit, str(goal.measure(results) or ""), state])
    return rows


def notes(results: Results) -> list[str]:
    """A sentence for each contender with failed requests, and for each one that was left out."""
    failures = {name: sum(results.values(name, "failures")) for name in results.samples}
    failed = [f"{name}: {count:,.0f} requests failed" for name, count in failures.items() if count]
    return failed + [f"left out: {name}: {reason}" for name, reason in results.skipped.items()]


def align(rows: Rows) -> str:
    """Text in columns: the first one to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ["<", *[">"] * (len(widths) - 1)]
    form = "  ".join(f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True))
    return "\n".join(form.format(*row).rstrip() for row in rows)


def write_document(results: Results, path: Path = PERFORMANCE_PAGE) -> None:
    """Replace the tables between the two marks of a Markdown page. Raises `ValueError` where a mark is missing."""
    tables = [f"```\n{align(rows)}\n```\n" for rows in (contenders(results), batches(results), goals(results))]
    section = "\n".join([f"\n{results.describe()}\n", *tables, *(f"{note}\n" for note in notes(results))])
    write_between(path, _BEGIN, _END, section.removesuffix("\n"))
