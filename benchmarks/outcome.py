"""What a load run found, and whether it kept to its budget."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.scenarios import Budget


@dataclass(frozen=True, slots=True)
class ColdStart:
    """An answer whose Server-Timing says that a model was loaded for it."""

    at_s: float
    """Since the run began."""
    response_ms: float
    phases_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario's run. Percentiles are over all answers, the cold ones too."""

    scenario: str
    requests: int
    failures: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cold_starts: list[ColdStart] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def broken(self, budget: Budget) -> list[str]:
        """A sentence for each part of the budget that it broke."""
        sentences = []
        if not self.requests:
            sentences.append("no request was answered")
        if self.failures > budget.failures:
            sentences.append(f"{self.failures} failures, {budget.failures} allowed")
        for name, value, limit in (("p95", self.p95_ms, budget.p95_ms), ("p99", self.p99_ms, budget.p99_ms)):
            if not value <= limit:  # Also for NaN.
                sentences.append(f"{name} {value:g} ms, {limit:g} ms allowed")
        return sentences

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Outcome":
        document = json.loads(path.read_text())
        cold_starts = [ColdStart(**cold) for cold in document.pop("cold_starts")]
        return cls(**document, cold_starts=cold_starts)
