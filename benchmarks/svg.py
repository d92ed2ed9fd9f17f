"""Plots as inline SVG: bars with their spread, stacked bars, lines. No script, no font, nothing to fetch."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from benchmarks.figures import Spread

# Okabe and Ito's palette: told apart by the colour-blind too.
COLOURS: Final = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#7f7f7f",
    "#b8a800",
    "#8c564b",
    "#17408b",
)
_WIDTH: Final = 860
_LABELS: Final = 130
_VALUES: Final = 140
"""Room for the figure behind the longest bar."""
_ROW: Final = 26
_LEGEND_ROW: Final = 20


@dataclass(frozen=True, slots=True)
class Bar:
    """One labelled line: its value, and from where to where it ranged."""

    label: str
    value: Spread


def bars(data: Sequence[Bar], unit: str, *, logarithmic: bool = False) -> str:
    """Horizontal bars; a thin line shows lowest and highest round."""
    if not data:
        return ""
    top = max(bar.value.high for bar in data)
    bottom = min(bar.value.low for bar in data) / 2
    right = _WIDTH - _LABELS - _VALUES

    def x(value: float) -> float:
        if logarithmic and bottom > 0:
            return _LABELS + right * math.log(max(value, bottom) / bottom) / math.log(top / bottom)
        return _LABELS + right * value / (top or 1)

    parts = []
    for index, bar in enumerate(data):
        y = 8 + index * _ROW
        middle = y + 9
        parts += [
            _text(_LABELS - 8, middle + 4, bar.label, anchor="end"),
            _rect(_LABELS, y, x(bar.value.median) - _LABELS, 18, COLOURS[0]),
            _line(x(bar.value.low), middle, x(bar.value.high), middle),
            _text(max(x(bar.value.high), _LABELS) + 8, middle + 4, f"{_number(bar.value.median)} {unit}"),
        ]
    return _frame(parts, 16 + len(data) * _ROW)


def stacked(data: Sequence[tuple[str, Sequence[tuple[str, float]]]], unit: str) -> str:
    """Horizontal bars made of named segments, in the order in which each lists them."""
    if not data:
        return ""
    top = max(sum(value for _, value in segments) for _, segments in data) or 1
    names = list(dict.fromkeys(name for _, segments in data for name, _ in segments))
    right = _WIDTH - _LABELS - _VALUES
    parts = _legend(names)
    top_y = 12 + _legend_height(names)
    for index, (label, segments) in enumerate(data):
        y = top_y + index * _ROW
        x = float(_LABELS)
        parts.append(_text(_LABELS - 8, y + 13, label, anchor="end"))
        for name, value in segments:
            width = right * value / top
            parts.append(_rect(x, y, width, 18, COLOURS[names.index(name)], tip=f"{name}: {value:,.1f} {unit}"))
            x += width
        parts.append(_text(x + 8, y + 13, f"{sum(value for _, value in segments):,.0f} {unit}"))
    return _frame(parts, top_y + 8 + len(data) * _ROW)


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    points: Sequence[tuple[float, float]]


def lines(data: Sequence[Line], x_title: str, y_title: str, *, log_x: bool = False, log_y: bool = False) -> str:
    """Lines over common axes."""
    points = [point for line in data for point in line.points if not log_y or point[1] > 0]
    if not points:
        return ""
    names = [line.label for line in data]
    top = 22 + _legend_height(names)
    height, left, bottom = 300 + top, 70, 40
    x = _scale([p[0] for p in points], left, _WIDTH - 20, log_x)
    y = _scale([p[1] for p in points] + ([] if log_y else [0.0]), height - bottom, top, log_y)
    parts = _legend(names)
    for value in _ticks([p[1] for p in points], log_y):
        parts += [
            _line(left, y(value), _WIDTH - 20, y(value), "#ddd"),
            _text(left - 6, y(value) + 4, f"{value:g}", "end"),
        ]
    for value in _ticks([p[0] for p in points], log_x):
        parts += [
            _line(x(value), top, x(value), height - bottom, "#ddd"),
            _text(x(value), height - 22, f"{value:g}", "middle"),
        ]
    parts += [_text(_WIDTH / 2, height - 4, x_title, "middle"), _text(4, top - 8, y_title)]
    for index, line in enumerate(data):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line.points if not log_y or b > 0)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[index % len(COLOURS)]}" stroke-width="2"/>'
        )
    return _frame(parts, height)


def _scale(values: Sequence[float], start: float, end: float, logarithmic: bool) -> Callable[[float], float]:
    low, high = min(values), max(values)
    if logarithmic:
        low, high = math.log(low), math.log(high)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return start + (end - start) * ((math.log(value) if logarithmic else value) - low) / span

    return place


def _ticks(values: Sequence[float], logarithmic: bool) -> list[float]:
    low, high = min(values), max(values)
    if logarithmic:
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        return [10.0**power for power in powers]
    step = 10.0 ** math.floor(math.log10((high or 1) / 2))
    step *= max(1, round(high / step / 5))
    return [step * i for i in range(int(high / step) + 1)]


def _legend(names: Sequence[str]) -> list[str]:
    """In as many rows above the plot's origin as it takes; `_legend_height` says how much that is."""
    parts = []
    for index, (x, row) in enumerate(_legend_places(names)):
        y = 6 + row * _LEGEND_ROW
        parts += [_rect(x, y, 12, 12, COLOURS[index % len(COLOURS)]), _text(x + 16, y + 10, names[index])]
    return parts


def _legend_height(names: Sequence[str]) -> int:
    return (1 + max((row for _, row in _legend_places(names)), default=0)) * _LEGEND_ROW


def _legend_places(names: Sequence[str]) -> list[tuple[float, int]]:
    places, x, row = [], float(_LABELS), 0
    for name in names:
        width = 30 + 7.2 * len(name)
        if x + width > _WIDTH and x > _LABELS:
            x, row = float(_LABELS), row + 1
        places.append((x, row))
        x += width
    return places


def _number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _rect(x: float, y: float, width: float, height: float, colour: str, *, tip: str = "") -> str:
    title = f"<title>{escape(tip)}</title>" if tip else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height}" fill="{colour}">{title}</rect>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = "#222") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _frame(parts: Sequence[str], height: int) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{"".join(parts)}</svg>'
