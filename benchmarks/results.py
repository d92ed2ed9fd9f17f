"""What a run measured: for each contender and quantity one value per round, kept as JSON in `benchmarks/results`."""

import json
import os
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.paths import RESULTS


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, the lowest and the highest."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        return cls(median(values), min(values), max(values), len(values)) if values else None

    def __str__(self) -> str:
        return f"{self.median:.3g}" + (f" [{self.low:.3g}-{self.high:.3g}]" if self.rounds > 1 else "")


def ratio(values: Sequence[float], base: Sequence[float]) -> Spread | None:
    """The spread of value over base, round by round, so that what slowed both down in a round cancels out.

    A single value (the size of an installation, say) counts for every round.
    """
    rounds = max(len(values), len(base))
    if len(values) not in (1, rounds) or len(base) not in (1, rounds):
        return None
    pairs = ((values[turn % len(values)], base[turn % len(base)]) for turn in range(rounds))
    return Spread.of([value / other for value, other in pairs if other])


def _machine() -> dict[str, str]:
    cpus = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", cpus.read_text() if cpus.exists() else "")
    processor = found[1] if found else "unknown"
    return {"processor": processor, "cores": str(os.cpu_count()), "python": platform.python_version()}


@dataclass
class Results:
    """All values of a run. The name of a quantity ends in its unit, or says what it counts."""

    rounds: int
    turn_s: float = 0.0
    started: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    machine: dict[str, str] = field(default_factory=_machine)
    titles: dict[str, str] = field(default_factory=dict)
    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    """The contenders that were left out, and why."""

    def add(self, contender: str, quantity: str, value: float) -> None:
        self.samples.setdefault(contender, {}).setdefault(quantity, []).append(value)

    def values(self, contender: str, quantity: str) -> list[float]:
        return self.samples.get(contender, {}).get(quantity, [])

    def spread(self, contender: str, quantity: str) -> Spread | None:
        return Spread.of(self.values(contender, quantity))

    def median(self, contender: str, quantity: str) -> float | None:
        spread = self.spread(contender, quantity)
        return spread.median if spread else None

    def ratio(self, contender: str, base: str, quantity: str) -> Spread | None:
        """The contender's value over the base's, round by round."""
        return ratio(self.values(contender, quantity), self.values(base, quantity))

    def describe(self) -> str:
        """When, for how long and on what machine, in one line."""
        machine = ", ".join(f"{key} {value}" for key, value in self.machine.items())
        return f"{self.started}: {self.rounds} rounds, turns of {self.turn_s:g} s; {machine}."

    def save(self, folder: Path = RESULTS) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"bench-{self.started.replace(':', '')}.json"
        path.write_text(json.dumps(asdict(self)) + "\n")
        return path

    @classmethod
    def read(cls, path: Path) -> "Results":
        return cls(**json.loads(path.read_text()))
