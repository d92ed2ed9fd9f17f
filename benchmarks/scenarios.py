"""The loads that `make load` puts on the function, what each may cost, and what a run of one found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

Kind = Literal["good", "details", "bad", "batch"]


@dataclass(frozen=True, slots=True)
class Stage:
    """For so many seconds there are so many users; missing ones are added at `spawn_per_s`."""

    seconds: float
    users: int
    spawn_per_s: float


class Budget(NamedTuple):
    """What a scenario may cost. An answer with the documented status is no failure, even if the status is 4xx."""

    p95_ms: float
    p99_ms: float
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Users who each send `per_user_per_s` requests a second, unless answers take too long for that."""

    name: str
    title: str
    stages: tuple[Stage, ...]
    budget: Budget
    per_user_per_s: float = 1.0
    weights: tuple[tuple[Kind, int], ...] = (("good", 1),)
    in_step: bool = False
    """Whether all users send at the same moments."""

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages)

    def lasting(self, seconds: float) -> "Scenario":
        """The same load for a longer or a shorter time."""
        factor = seconds / self.seconds
        return replace(self, stages=tuple(replace(stage, seconds=stage.seconds * factor) for stage in self.stages))

    def stage_at(self, elapsed_s: float) -> Stage | None:
        """The current stage; None after the last one."""
        for stage in self.stages:
            if elapsed_s < stage.seconds:
                return stage
            elapsed_s -= stage.seconds
        return None


_PEAK: Final = (Stage(15, 50, 50), Stage(15, 75, 50), Stage(15, 100, 50))
_MIX: Final[tuple[tuple[Kind, int], ...]] = (("good", 70), ("details", 5), ("bad", 15), ("batch", 10))
_ALL: Final = (
    Scenario("normal", "1 to 10 requests/s", tuple(Stage(10, users, 10) for users in (1, 3, 5, 10)), Budget(50, 100)),
    Scenario("peak", "50 to 100 requests/s", _PEAK, Budget(50, 100)),
    Scenario("spike", "0 to 100 users at once", (Stage(30, 100, 100),), Budget(100, 250), in_step=True),
    Scenario("ten-times", "300 requests/s of 1,000 users", (Stage(60, 1000, 100),), Budget(25, 50), 0.3),
    Scenario("soak", "100 requests/s for ten minutes", (Stage(600, 100, 50),), Budget(50, 100)),
    Scenario("mix", "good, detailed, bad and batch requests", (Stage(45, 50, 25),), Budget(50, 100), 2.0, _MIX),
)
SCENARIOS: Final = {scenario.name: scenario for scenario in _ALL}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the run of a scenario found. Percentiles include cold starts: answers for which a model was loaded."""

    requests: int
    failures: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cold_starts: Sequence[str] = ()
    errors: Sequence[str] = ()

    def __str__(self) -> str:
        counts = f"{self.requests:,} requests, {self.per_second:.1f}/s, {self.failures} failures"
        latency = f"p50 {self.p50_ms:g}, p95 {self.p95_ms:g}, p99 {self.p99_ms:g} ms"
        return "\n  ".join([f"{counts}; {latency}", *self.cold_starts, *self.errors])

    def violations(self, budget: Budget) -> list[str]:
        """A sentence for each limit that was exceeded."""
        found = [] if self.requests else ["no request was answered"]
        if self.failures > budget.failures:
            found.append(f"{self.failures} failures, {budget.failures} allowed")
        for name, value, limit in (("p95", self.p95_ms, budget.p95_ms), ("p99", self.p99_ms, budget.p99_ms)):
            if not value <= limit:  # Also for NaN.
                found.append(f"{name} {value:g} ms, {limit:g} ms allowed")
        return found
