"""A run as one HTML file that needs nothing else: goals, tables, plots."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from benchmarks import svg, table
from benchmarks.goals import Verdict
from benchmarks.lab import BATCHES, CONNECTIONS
from benchmarks.results import FOLDER, Results
from benchmarks.table import COLUMNS, spread

_PHASES: Final = ("import", "fetch", "verify", "load", "predict", "boot")

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1150px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }
th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child { text-align: left; min-width: 13em }
.reached { color: #00694c } .missed { color: #b00020; font-weight: bold }
svg { width: 100%; height: auto } svg text { font: 12px system-ui, sans-serif; fill: #222 }
.note { color: #555 }
"""


def write_report(results: Results, verdicts: Sequence[Verdict], folder: Path = FOLDER) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.html"
    path.write_text(render(results, verdicts))
    return path


def render(results: Results, verdicts: Sequence[Verdict]) -> str:
    machine = ", ".join(f"{key} {value}" for key, value in results.machine.items())
    sections = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Benchmarks</title>",
        f"<style>{_STYLE}</style></head><body><h1>Benchmarks</h1>",
        f"<p class='note'>{escape(results.started)}; {results.rounds} rounds of {results.window_s:g} s a turn; "
        f"{escape(machine)}. Figures are medians over the rounds; thin lines and brackets show the lowest and the "
        "highest round. Seconds are this machine's: compare ratios.</p>",
        "<h2>Goals</h2>",
        _goals(verdicts),
        "<h2>Contenders</h2>",
        _contenders(results),
        "<h2>Requests per second</h2>",
        *(
            _bars(results, f"rps_{n}", "requests/s", f"{n} connection{'s' if n > 1 else ''} (logarithmic)", log=True)
            for n in CONNECTIONS
        ),
        "<h2>Latency at 8 connections</h2>",
        _latencies(results, "8"),
        "<h2>Cold start: process spawned to first prediction</h2>",
        _bars(results, "cold_ms", "ms", "total"),
        _phases(results),
        "<h2>Memory at rest</h2>",
        _bars(results, "pss_mb", "MB", "proportional set size of the process tree"),
        _bars(results, "alone_mb", "MB", "as if no other process shared its files"),
        "<h2>Installed size</h2>",
        _bars(results, "install_mb", "MB", "virtual environment, byte code included"),
        "<h2>Batches</h2>",
        _batches(results),
        *(f"<p>Left out: {escape(name)}: {escape(reason)}</p>" for name, reason in results.skipped.items()),
        f"<p class='missed'>{escape(table.failures(results))}</p>",
        "</body></html>\n",
    ]
    return "\n".join(sections)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _goals(verdicts: Sequence[Verdict]) -> str:
    words = {
        True: "<span class='reached'>reached</span>",
        False: "<span class='missed'>missed</span>",
        None: "not measured",
    }
    rows = [
        [
            escape(verdict.goal.title),
            f"{'&ge;' if verdict.goal.at_least else '&le;'} {verdict.goal.limit:g}",
            escape(spread(verdict.value)),
            words[verdict.reached],
        ]
        for verdict in verdicts
    ]
    return _table(["goal", "limit", "measured", ""], rows)


def _contenders(results: Results) -> str:
    rows = []
    for name in results.samples:
        cells = [results.median(name, figure) for _, figure, _ in COLUMNS]
        formatted = ["" if c is None else format(c, f) for c, (_, _, f) in zip(cells, COLUMNS, strict=True)]
        rows.append([f"{escape(name)}<br><span class='note'>{escape(results.titles.get(name, ''))}</span>", *formatted])
    return _table(["", *(heading for heading, _, _ in COLUMNS)], rows)


def _bars(results: Results, figure: str, unit: str, caption: str, *, log: bool = False) -> str:
    data = [svg.Bar(name, value) for name in results.samples if (value := results.spread(name, figure))]
    if not data:
        return ""
    return f"<h3>{escape(caption)}</h3>{svg.bars(data, unit, logarithmic=log)}"


def _latencies(results: Results, connections: str) -> str:
    data = [
        svg.Line(name, list(enumerate(quantiles[connections])))
        for name, quantiles in results.latencies_ms.items()
        if connections in quantiles
    ]
    return svg.lines(data, "percentile", "ms (logarithmic)", log_y=True)


def _phases(results: Results) -> str:
    data = []
    for name in results.samples:
        phases = [
            (phase, value) for phase in _PHASES if (value := results.median(name, f"cold_{phase}_ms")) is not None
        ]
        if phases:
            data.append((name, phases))
    return f"<h3>by phase, where the answer's Server-Timing names them</h3>{svg.stacked(data, 'ms')}" if data else ""


def _batches(results: Results) -> str:
    data = []
    for name in results.samples:
        points = [
            (float(size), ms / size * 1000)
            for size in BATCHES
            if (ms := results.median(name, f"batch_{size}_ms")) is not None
        ]
        if points:
            data.append(svg.Line(name, points))
    return svg.lines(data, "birds in one request", "microseconds per bird", log_x=True, log_y=True)
