"""A run as text: who reached what, and which goals were met."""

from collections.abc import Iterable, Sequence

from benchmarks.figures import Spread
from benchmarks.goals import Verdict
from benchmarks.results import Results

Column = tuple[str, str, str]
"""Heading, figure, number format."""

COLUMNS: Sequence[Column] = (
    ("req/s 1", "rps_1", ",.0f"),
    ("8", "rps_8", ",.0f"),
    ("64", "rps_64", ",.0f"),
    ("p50 ms", "p50_8_ms", ".2f"),
    ("p95", "p95_8_ms", ".2f"),
    ("p99", "p99_8_ms", ".2f"),
    ("CPU s/1000", "cpu_s_per_1000_8", ".3f"),
    ("req/s/vCPU", "rps_per_vcpu_8", ",.0f"),
    ("cold ms", "cold_ms", ",.0f"),
    ("PSS MB", "pss_mb", ".0f"),
    ("alone MB", "alone_mb", ".0f"),
    ("install MB", "install_mb", ".0f"),
)


def contenders(results: Results, columns: Sequence[Column] = COLUMNS) -> str:
    """Medians, one contender a line. Latency and CPU are those at 8 connections."""
    rows = [["", *(heading for heading, _, _ in columns)]]
    for name in results.samples:
        cells = [results.median(name, figure) for _, figure, _ in columns]
        rows.append([name, *("" if c is None else format(c, f) for c, (_, _, f) in zip(cells, columns, strict=True))])
    return _align(rows)


def batches(results: Results, sizes: Iterable[int]) -> str:
    """Microseconds per row and rows per second, by the number of birds in a request."""
    sizes = list(sizes)
    rows = [["us/row (rows/s)", *(f"{size:,}" for size in sizes)]]
    for name in results.samples:
        cells = []
        for size in sizes:
            ms, per_s = results.median(name, f"batch_{size}_ms"), results.median(name, f"rows_per_s_{size}")
            cells.append("" if ms is None or per_s is None else f"{ms / size * 1000:,.1f} ({per_s:,.0f})")
        if any(cells):
            rows.append([name, *cells])
    return _align(rows)


def goals(verdicts: Iterable[Verdict]) -> str:
    rows = [["goal", "limit", "median [lowest-highest]", ""]]
    for verdict in verdicts:
        sign = ">=" if verdict.goal.at_least else "<="
        state = {True: "reached", False: "MISSED", None: "not measured"}[verdict.reached]
        rows.append([verdict.goal.title, f"{sign} {verdict.goal.limit:g}", spread(verdict.value), state])
    return _align(rows)


def failures(results: Results) -> str:
    """A line for each contender that did not answer everything with 200; nothing when all did."""
    counts = {name: sum(results.values(name, "failures")) for name in results.samples}
    return "\n".join(f"{name}: {count:,.0f} requests failed" for name, count in counts.items() if count)


def spread(value: Spread | None) -> str:
    if value is None:
        return ""
    return f"{value.median:.3g} [{value.low:.3g}-{value.high:.3g}]" if value.rounds > 1 else f"{value.median:.3g}"


def _align(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *rest = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)
