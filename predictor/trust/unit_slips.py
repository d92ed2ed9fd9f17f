"""Values that would fit in another unit, with the decimal point elsewhere, or exchanged with each other.

Each measurement has readings: its value as it stands, and what it would be if it had been given in another unit or with
the decimal point moved. Only readings within the reference rows' range, and a tenth beyond, count. Of all combinations,
also with two measurements of one unit exchanged, the one with the fewest changes is taken whose distance is at most
that of the most distant reference row.
"""

import math
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import Final

from predictor.schema import MEASUREMENTS, UNITS, Categories
from predictor.trust.distance import Distance
from predictor.trust.reference import Measurement, Reference
from predictor.units import NAMES, sizes_of_units_like

_MARGIN: Final = 0.1
_MAX_COMBINATIONS: Final = 256
"""More are not tried: a domain with many measurements, each of which has several readings."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a value is multiplied by, under which condition, and how many changes that counts as."""

    factor: float
    condition: str = ""
    changes: int = 1


_AS_IT_STANDS: Final = _Reading(1.0, changes=0)
_POINTS: Final = (
    _Reading(0.1, "its decimal point is one place too far to the right"),
    _Reading(10.0, "its decimal point is one place too far to the left"),
    _Reading(0.01, "its decimal point is two places too far to the right", 2),
    _Reading(100.0, "its decimal point is two places too far to the left", 2),
)
_EXCHANGE: Final = 1.5
"""Changes that two exchanged measurements count as: more than one slip, and less than two different ones."""


@dataclass(frozen=True, slots=True)
class Slip:
    """What was probably given wrongly, and all measurements as they then are.

    `conditions`: by measurement, under which condition its value fits, such as "it was measured in centimetres".
    """

    conditions: dict[str, str]
    measurements: tuple[float, ...]


class UnitSlips:
    """Finds slips with respect to a reference."""

    def __init__(self, reference: Reference, distance: Distance) -> None:
        self._distance = distance
        segments = {item.name: _Segments(item) for item in reference.measurements}
        self._segments = [segments.get(name, _NOT_READ) for name in MEASUREMENTS]
        self._pairs = [
            (first, second)
            for first, second in combinations(reference.indexes, 2)
            if UNITS[MEASUREMENTS[first]] is not None and UNITS[MEASUREMENTS[first]] == UNITS[MEASUREMENTS[second]]
        ]

    def find(self, measurements: Sequence[float], categories: Categories) -> Slip | None:
        """The likeliest slip in measurements that do not fit as they stand; None where nothing makes them fit."""
        best: tuple[float, float] = (math.inf, math.inf)
        slip: Slip | None = None
        for swapped, values, readings in self._exchanged(measurements):
            for chosen in product(*readings):
                changes = sum([reading.changes for reading in chosen]) + (_EXCHANGE if swapped else 0)
                if not 0 < changes <= best[0]:
                    continue
                corrected = [value * reading.factor for value, reading in zip(values, chosen, strict=True)]
                distance = self._distance.of(corrected, categories)
                if distance <= self._distance.furthest and (changes, distance) < best:
                    best, slip = (changes, distance), Slip(_conditions(swapped, chosen), tuple(corrected))
        return slip

    def _exchanged(
        self, measurements: Sequence[float]
    ) -> Iterator[tuple[tuple[int, int] | None, Sequence[float], list[list[_Reading]]]]:
        """As it stands and with each pair exchanged: the values and their readings, where every value has some."""
        own = [segments.readings(value) for value, segments in zip(measurements, self._segments, strict=True)]
        if _countable(own):
            yield None, measurements, own
        for first, second in self._pairs:
            of_first = self._segments[first].readings(measurements[second])
            of_second = self._segments[second].readings(measurements[first]) if of_first else []
            for reading in of_first:
                # Whoever exchanges two values has measured both in the same unit.
                if reading in of_second:
                    values, readings = list(measurements), list(own)
                    values[first], values[second] = values[second], values[first]
                    readings[first] = readings[second] = [reading]
                    if _countable(readings):
                        yield (first, second), values, readings


def _countable(readings: Sequence[Sequence[_Reading]]) -> bool:
    """Whether every value has a reading, and there are not too many combinations."""
    return 0 < math.prod(map(len, readings)) <= _MAX_COMBINATIONS


class _Segments:
    """Which readings a value of one measurement has: the same ones between two neighbouring limits."""

    def __init__(self, item: Measurement) -> None:
        width = item.highest - item.lowest
        below, above = (item.lowest, item.highest) if item.log else (width, width)
        low, high = item.lowest - _MARGIN * below, item.highest + _MARGIN * above
        possible = _possible_readings(UNITS[item.name])
        ranges = [(low / reading.factor, high / reading.factor, reading) for reading in possible]
        self._limits = sorted({limit for start, end, _ in ranges for limit in (start, end)})
        middles = [(start + end) / 2 for start, end in pairwise(self._limits)]
        self._between = [[reading for start, end, reading in ranges if start < middle < end] for middle in middles]
        self._between = [[], *self._between, []]

    def readings(self, value: float) -> list[_Reading]:
        """The readings that lie within the reference's range and a tenth beyond."""
        return self._between[bisect(self._limits, value)]


class _NotRead:
    """A measurement that the reference is not about: whatever it is, it fits."""

    def readings(self, _value: float) -> list[_Reading]:
        return [_AS_IT_STANDS]


_NOT_READ: Final = _NotRead()


def _possible_readings(unit: str | None) -> list[_Reading]:
    units = {} if unit is None else sizes_of_units_like(unit)
    found = [_Reading(size, f"it was measured in {NAMES[other]}") for other, size in units.items()]
    points = [reading for reading in _POINTS if reading.factor not in units.values()]
    return [_AS_IT_STANDS, *found, *points]


def _conditions(swapped: tuple[int, int] | None, chosen: Sequence[_Reading]) -> dict[str, str]:
    """By the measurement under whose name the value was given. A reading is that of the value's own measurement."""
    conditions = {name: reading.condition for name, reading in zip(MEASUREMENTS, chosen, strict=True)}
    if swapped is not None:
        names = [MEASUREMENTS[index] for index in swapped]
        for name, other, text in zip(names, names[::-1], [conditions[other] for other in names[::-1]], strict=True):
            conditions[name] = f"it was exchanged with {other}" + (f" and {text}" if text else "")
    return {name: text for name, text in conditions.items() if text}


def corrections(unit: str | None) -> dict[str, float]:
    """What a value in this unit is multiplied by to correct it, by the condition that its message names."""
    return {reading.condition: reading.factor for reading in _possible_readings(unit) if reading.condition}


def fits_if(condition: str) -> str:
    """The sentence that stands beside a value."""
    return f"Fits if {condition}."
