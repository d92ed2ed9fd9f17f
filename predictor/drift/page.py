"""The report as one HTML file with tables and plots, which loads nothing from anywhere."""

import io
from collections.abc import Callable, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from predictor.drift.baseline import Baseline
from predictor.drift.periods import Kind
from predictor.drift.report import (
    MAX_EVIDENCE_SHOWN,
    DecidedPeriod,
    Report,
    accuracy_lines,
    measurement_rows,
    period_rows,
    share_rows,
)
from predictor.penguin import NOUN_PLURAL

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }
th, td { padding: .2em .7em; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child { text-align: left } svg { max-width: 100%; height: auto }
.alarm { color: #b00020; font-weight: bold } .quiet { color: #00694c }
"""
# Text stays text, and the same counts give the same file.
_SVG: Final[dict[str, Any]] = {"svg.fonttype": "none", "svg.hashsalt": "drift", "font.size": 9}


def report_page(report: Report, baseline: Baseline) -> str:
    alarms = report.alarms()
    verdict = f"<p class='alarm'>Changed: {escape('; '.join(alarms))}." if alarms else "<p class='quiet'>No alarm."
    with matplotlib.style.context(["tableau-colorblind10", _SVG]):
        parts = [
            "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Drift</title>",
            f"<style>{_STYLE}</style></head><body><h1>Drift</h1>",
            f"<p>Model {escape(report.model.version)}, {escape(report.model.digest)}: {report.counts.rows:,}",
            f"{NOUN_PLURAL} in {report.summaries:,} summaries, {report.since:%Y-%m-%d %H:%M} to",
            f"{report.until:%Y-%m-%d %H:%M} UTC.</p>{verdict}</p>",
            "<p>Evidence is log10 of the e-value; there is an alarm where it reaches the dashed line.</p>",
        ]
        for kind, members in groupby(report.periods, key=lambda item: item.period.kind):
            parts += _kind(kind, list(members), baseline)
    parts += [f"<p>{escape(line)}</p>" for line in accuracy_lines(report)]
    return "\n".join([*parts, "</body></html>\n"])


def _kind(kind: Kind, items: Sequence[DecidedPeriod], baseline: Baseline) -> list[str]:
    last = items[-1]
    return [
        f"<h2>By {kind}</h2>",
        _figure(lambda figure: _evidence(figure.subplots(), items), height=2.6),
        _figure(lambda figure: _shifts(figure.subplots(), items), height=2.6),
        _table(period_rows(items)),
        f"<h3>The {kind} {escape(last.period.name)}</h3>",
        _figure(lambda figure: _histograms(figure, last, baseline), height=2.4),
        _table(measurement_rows(last.decision)),
        _table(share_rows(last.decision)),
    ]


def _evidence(axes: Axes, items: Sequence[DecidedPeriod]) -> None:
    names = [item.period.name for item in items]
    for label, values in (
        ("measurements", [item.decision.log10_e_measurements for item in items]),
        ("mix", [item.decision.log10_e_mix for item in items]),
    ):
        axes.plot(names, [min(value, MAX_EVIDENCE_SHOWN) for value in values], marker="o", label=label)
    axes.axhline(items[-1].decision.log10_threshold, color="black", linestyle="dashed", linewidth=1)
    axes.set_ylabel("evidence, log10")
    _finish(axes, names)


def _shifts(axes: Axes, items: Sequence[DecidedPeriod]) -> None:
    names = [item.period.name for item in items]
    for name in items[-1].decision.measurements:
        axes.plot(names, [item.decision.measurements[name].mean_sd for item in items], marker="o", label=name)
    axes.axhline(0, color="black", linewidth=0.5)
    axes.set_ylabel("mean residual, sd")
    _finish(axes, names)


def _finish(axes: Axes, names: Sequence[str]) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    every = -(-len(names) // 12)  # So many names have room.
    axes.set_xticks(range(0, len(names), every), names[::every], rotation=30, ha="right")


def _histograms(figure: Figure, item: DecidedPeriod, baseline: Baseline) -> None:
    """Shares of the rows in each bin, beside those of the reference rows."""
    measurements = item.decision.measurements
    for axes, (name, drift) in zip(
        figure.subplots(1, len(measurements), squeeze=False)[0], measurements.items(), strict=True
    ):
        reference = baseline.histograms[name]
        for bins, style in ((drift.histogram, {"fill": True, "alpha": 0.5}), (reference, {"color": "black"})):
            rows = max(1, sum(bins))
            axes.stairs([count / rows for count in bins], **style)
        axes.set_title(name)
        axes.set_xticks([0, len(reference) / 2, len(reference)], ["low", "", "high"])


def _figure(draw: Callable[[Figure], None], height: float) -> str:
    figure = Figure(figsize=(9, height), layout="constrained")
    draw(figure)
    svg = io.StringIO()
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    text = svg.getvalue()
    return text[text.index("<svg") :]


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = [[escape(cell) for cell in row] for row in rows]
    lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body]
    return f"<table>{''.join(lines)}</table>"
