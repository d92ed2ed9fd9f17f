"""Slips of unit, decimal point and field on held-out birds: are they stopped, and does the hint say what went wrong?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np

from benchmarks.trust_novelty import folds_of, refused
from predictor.schema import MEASUREMENTS, UNITS, categories_of, measurements_of
from predictor.training.dataset import Dataset
from predictor.training.reference import make_reference
from predictor.trust.distance import Distance
from predictor.trust.unit_slips import UnitSlips
from predictor.units import NAMES, sizes_of_units_like

_DIGITS = {"mm": 1, "cm": 2, "m": 4, "in": 2, "g": 0, "kg": 2, "lb": 1, "oz": 0}
"""Decimals that a person writes."""
_SAME = 0.04
"""Corrected values may differ from the true ones by rounding."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to one value: divided by `divisor`, as `unit` if it is one; what the hint has to say."""

    divisor: float
    condition: str
    unit: str | None = None


@dataclass(slots=True)
class Outcome:
    """Birds with one kind of slip."""

    birds: int = 0
    stopped: int = 0
    right: int = 0
    wrong: int = 0

    def add(self, other: "Outcome") -> None:
        self.birds += other.birds
        self.stopped += other.stopped
        self.right += other.right
        self.wrong += other.wrong


@dataclass(slots=True)
class Slips:
    """Outcomes by kind of slip, and the hints that good birds got, of how many."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    good_birds: int = 0
    good_hinted: int = 0


def changes_of(name: str) -> list[Change]:
    """Every single-field slip of a measurement."""
    units = sizes_of_units_like(UNITS[name] or "")
    found = [Change(size, f"it was measured in {NAMES[unit]}", unit) for unit, size in units.items()]
    for factor, text in ((10, "one place"), (100, "two places")):
        for divisor, side in ((factor, "left"), (1 / factor, "right")):
            if divisor not in units.values():
                found.append(Change(divisor, f"its decimal point is {text} too far to the {side}"))
    return found


def exchanges() -> list[tuple[str, str]]:
    return [pair for pair in combinations(MEASUREMENTS, 2) if UNITS[pair[0]] == UNITS[pair[1]]]


def measure(dataset: Dataset, rng: np.random.Generator) -> Slips:
    found = Slips()
    for kept, away in folds_of(dataset, rng):
        reference = make_reference(kept, "not needed")
        distance = Distance(reference)
        slips = UnitSlips(reference, distance)
        for row in away:
            truth, categories = measurements_of(row.penguin), categories_of(row.penguin)
            found.good_birds += 1
            if distance.rank(distance.of(truth, categories)) >= distance.known_below:
                found.good_hinted += slips.find(truth, categories) is not None
            for kind, given, expected in _slipped(truth, rng):
                outcome = found.outcomes.setdefault(kind, Outcome())
                outcome.birds += 1
                unlike = distance.rank(distance.of(given, categories)) >= distance.known_below
                if not (refused(given) or unlike):
                    continue
                outcome.stopped += 1
                slip = slips.find(given, categories)
                if slip is None:
                    continue
                same = all(abs(a / b - 1) < _SAME for a, b in zip(slip.measurements, truth, strict=True))
                outcome.right += same and slip.conditions == expected
                outcome.wrong += not same
    return found


Slipped = tuple[str, tuple[float, ...], dict[str, str]]
"""The kind of slip, the values as given, and what the hints have to say."""


def _slipped(truth: Sequence[float], rng: np.random.Generator) -> Iterator[Slipped]:
    for rounded in (False, True):
        how = ", rounded" if rounded else ""
        for index, name in enumerate(MEASUREMENTS):
            for change in changes_of(name):
                yield f"one field{how}", _apply(truth, {index: change}, rounded=rounded), {name: change.condition}
        for first, second in exchanges():
            kind = f"{first} and {second} exchanged{how}"
            values = list(truth)
            a, b = MEASUREMENTS.index(first), MEASUREMENTS.index(second)
            values[a], values[b] = values[b], values[a]
            expected = {first: f"it was exchanged with {second}", second: f"it was exchanged with {first}"}
            yield kind, tuple(values), expected
        for changes in _whole_birds():
            expected = {MEASUREMENTS[index]: change.condition for index, change in changes.items()}
            yield f"all fields of a kind{how}", _apply(truth, changes, rounded=rounded), expected
        changes = _mixture(rng)
        expected = {MEASUREMENTS[index]: change.condition for index, change in changes.items()}
        yield f"random mixture{how}", _apply(truth, changes, rounded=rounded), expected


def _units(name: str) -> list[Change | None]:
    return [None, *(change for change in changes_of(name) if change.unit is not None)]


def _whole_birds() -> Iterator[dict[int, Change]]:
    """All measurements of each unit in one other unit."""
    kinds = Counter(unit for unit in UNITS.values() if unit)
    options = [[None, *sizes_of_units_like(unit)] for unit in kinds]
    for chosen in product(*options):
        units = dict(zip(kinds, chosen, strict=True))
        changes = {}
        for index, name in enumerate(MEASUREMENTS):
            for change in changes_of(name):
                if change.unit is not None and change.unit == units[UNITS[name] or ""]:
                    changes[index] = change
        if changes:
            yield changes


def _mixture(rng: np.random.Generator) -> dict[int, Change]:
    """A unit at random for each measurement, at least one of them another one."""
    while True:
        changes = {}
        for index, name in enumerate(MEASUREMENTS):
            options = _units(name)
            change = options[int(rng.integers(len(options)))]
            if change is not None:
                changes[index] = change
        if changes:
            return changes


def _apply(truth: Sequence[float], changes: dict[int, Change], *, rounded: bool) -> tuple[float, ...]:
    values = list(truth)
    for index, change in changes.items():
        values[index] = truth[index] / change.divisor
        if rounded and change.unit is not None:
            values[index] = round(values[index], _DIGITS[change.unit])
    return tuple(values)
