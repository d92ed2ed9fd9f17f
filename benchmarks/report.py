"""A run as one HTML file with tables and plots, which loads nothing from anywhere."""

import io
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import tables
from benchmarks.paths import RESULTS
from benchmarks.results import Results
from benchmarks.runner import BATCHES, CONNECTIONS

PHASES: Final = ("import", "fetch", "verify", "load", "predict", "boot")
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1150px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }
th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child { text-align: left; white-space: nowrap } svg { max-width: 100%; height: auto }
.MISSED { color: #b00020; font-weight: bold } .reached { color: #00694c }
"""
_BESIDE: Final[dict[str, Any]] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
# Text stays text, and the same run gives the same file.
_SVG: Final = {"svg.fonttype": "none", "svg.hashsalt": "benchmarks", "font.size": 9}


def write_report(results: Results, folder: Path = RESULTS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.html"
    path.write_text(render(results))
    return path


def render(results: Results) -> str:
    rates = {f"rps_{n}": f"{n} connection{'s' if n > 1 else ''}" for n in CONNECTIONS}
    memory = {"pss_mib": "proportional set size", "alone_mib": "with no other process on the machine"}
    with matplotlib.style.context(["tableau-colorblind10", _SVG]):
        sections = {
            "Goals": _table(tables.goals(results)),
            "Contenders": _table(tables.contenders(results)),
            "Requests per second (logarithmic)": _bars(results, rates, xscale="log"),
            "Latency at 8 connections": _latencies(results),
            "Cold start: from starting the process to the first prediction, ms": _bars(results, {"cold_ms": "total"}),
            "Cold start by phase, where Server-Timing names them, ms": _phases(results),
            "Memory at rest, MiB": _bars(results, memory),
            "Size of the virtual environment, MB": _bars(results, {"install_mb": "with bytecode"}),
            "Batches": _table(tables.batches(results)) + _batches(results),
        }
    titles = "".join(f"<li>{escape(name)}: {escape(title)}</li>" for name, title in results.titles.items())
    return "\n".join(
        [
            "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Benchmarks</title>",
            f"<style>{_STYLE}</style></head><body><h1>Benchmarks</h1><p>{escape(results.describe())}",
            "Values are medians of the rounds; the black lines in bars reach from the lowest to the highest round.",
            f"Seconds belong to this machine, so compare ratios.</p><ul>{titles}</ul>",
            *(f"<h2>{escape(title)}</h2>\n{body}" for title, body in sections.items() if body),
            *(f"<p class='MISSED'>{escape(note)}</p>" for note in tables.notes(results)),
            "</body></html>\n",
        ]
    )


def _table(rows: tables.Rows) -> str:
    head, *body = [[escape(cell) for cell in row] for row in rows]
    lines = ["<tr><th>" + "</th><th>".join(head) + "</th></tr>"]
    lines += ["<tr>" + "".join(f"<td class='{row[-1]}'>{cell}</td>" for cell in row) + "</tr>" for row in body]
    return f"<table>{''.join(lines)}</table>"


def _axes(count: int, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(11, height), layout="constrained")
    return figure, list(figure.subplots(1, count, sharey=True, squeeze=False)[0])


def _svg(figure: Figure) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return "<svg" + file.getvalue().partition("<svg")[2]


def _bars(results: Results, quantities: Mapping[str, str], *, xscale: str = "linear") -> str:
    """One plot per quantity, with a bar per contender."""
    spreads = {q: {name: s for name in results.samples if (s := results.spread(name, q))} for q in quantities}
    spreads = {quantity: found for quantity, found in spreads.items() if found}
    if not spreads:
        return ""
    figure, plots = _axes(len(spreads), 0.6 + 0.28 * len(results.samples))
    for axes, (quantity, found) in zip(plots, spreads.items(), strict=True):
        medians = [spread.median for spread in found.values()]
        errors = [[s.median - s.low for s in found.values()], [s.high - s.median for s in found.values()]]
        bars = axes.barh(list(found), medians, xerr=errors)
        axes.bar_label(bars, [f"{median:,.0f}" if median >= 100 else f"{median:.3g}" for median in medians], padding=4)
        axes.set(title=quantities[quantity], xscale=xscale if min(medians) > 0 else "linear")
        axes.margins(x=0.2)
    plots[0].invert_yaxis()
    return _svg(figure)


def _phases(results: Results) -> str:
    frame = _medians(results, {phase: f"cold_{phase}_ms" for phase in PHASES}).dropna(axis=1, how="all").T
    if frame.empty:
        return ""
    figure, (axes,) = _axes(1, 0.9 + 0.28 * len(frame))
    frame.plot.barh(stacked=True, ax=axes).legend(**_BESIDE)
    axes.invert_yaxis()
    return _svg(figure)


def _latencies(results: Results) -> str:
    frame = _medians(results, {percent: f"p{percent}_8_ms" for percent in range(101)})
    return _lines(frame, xlabel="percentile", ylabel="ms")


def _batches(results: Results) -> str:
    frame = _medians(results, {size: f"batch_{size}_ms" for size in BATCHES})
    costs = frame.div(pd.Series(frame.index, frame.index), axis=0) * 1000
    return _lines(costs, logx=True, xlabel="penguins in one request", ylabel="microseconds per penguin")


def _medians(results: Results, quantities: Mapping[Any, str]) -> pd.DataFrame:
    """A column per contender, a row per quantity."""
    medians = {name: [results.median(name, quantity) for quantity in quantities.values()] for name in results.samples}
    return pd.DataFrame(medians, index=list(quantities), dtype=float)


def _lines(frame: pd.DataFrame, **options: Any) -> str:
    frame = frame.dropna(axis=1, how="all")
    if frame.empty:
        return ""
    figure, (axes,) = _axes(1, 4)
    styles = ["-" if number < 10 else "--" for number in range(frame.shape[1])]  # There are ten colours.
    positive = bool((frame > 0).any(axis=None))
    frame.plot(ax=axes, logy=positive, grid=True, style=styles, **options).legend(**_BESIDE)
    return _svg(figure)
