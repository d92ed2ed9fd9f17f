"""What a run found: per contender and figure one value a round, kept as JSON under `benchmarks/results`."""

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.figures import Spread, ratio

FOLDER: Final = Path(__file__).resolve().parent / "results"


def _machine() -> dict[str, str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"processor": model, "cores": str(os.cpu_count()), "python": platform.python_version()}


@dataclass
class Results:
    """All samples of one run. A figure's name ends in its unit or says what it counts."""

    rounds: int
    window_s: float
    started: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    machine: dict[str, str] = field(default_factory=_machine)
    titles: dict[str, str] = field(default_factory=dict)
    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    latencies_ms: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Per contender and number of connections, the 101 quantiles of the last round."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Who could not take part, and why."""

    def add(self, contender: str, figure: str, value: float) -> None:
        self.samples.setdefault(contender, {}).setdefault(figure, []).append(value)

    def values(self, contender: str, figure: str) -> list[float]:
        return self.samples.get(contender, {}).get(figure, [])

    def spread(self, contender: str, figure: str) -> Spread | None:
        return Spread.of(self.values(contender, figure))

    def median(self, contender: str, figure: str) -> float | None:
        spread = self.spread(contender, figure)
        return spread.median if spread else None

    def ratio(self, contender: str, base: str, figure: str) -> Spread | None:
        """How many times the base's figure the contender's is, round by round."""
        return ratio(self.values(contender, figure), self.values(base, figure))

    def best(self, contenders: Sequence[str], figure: str) -> str | None:
        """Who of them has the highest median."""
        found = {name: median for name in contenders if (median := self.median(name, figure)) is not None}
        return max(found, key=lambda name: found[name]) if found else None

    def save(self, folder: Path = FOLDER) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"bench-{self.started.replace(':', '')}.json"
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")
        return path

    @classmethod
    def read(cls, path: Path) -> "Results":
        return cls(**json.loads(path.read_text()))
