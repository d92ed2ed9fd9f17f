"""The loads that `make load` puts on the function: the predecessor's, named, and what each must keep to.

Plain values, read by `benchmarks.load` (which starts and judges) and by `benchmarks/locustfile.py` (which drives).
"""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

Kind = Literal["good", "details", "bad", "batch"]


@dataclass(frozen=True, slots=True)
class Stage:
    """From here on so many users, until `seconds` have passed since the stage began."""

    seconds: float
    users: int
    spawn_per_s: float


@dataclass(frozen=True, slots=True)
class Budget:
    """What a scenario may cost. An answer with the documented status, 4xx too, is no failure."""

    p95_ms: float
    p99_ms: float
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Users who each ask `per_user_per_s` times a second, as long as the answers let them."""

    name: str
    title: str
    stages: tuple[Stage, ...]
    per_user_per_s: float
    budget: Budget
    weights: dict[Kind, int] = field(default_factory=lambda: {"good": 1})
    in_step: bool = False
    """Whether all users call at the same moments."""

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages)

    def lasting(self, seconds: float) -> "Scenario":
        """The same load, stretched or shortened."""
        factor = seconds / self.seconds
        return replace(self, stages=tuple(replace(stage, seconds=stage.seconds * factor) for stage in self.stages))

    def stage_at(self, elapsed_s: float) -> Stage | None:
        """The stage of this moment; None when all is over."""
        for stage in self.stages:
            if elapsed_s < stage.seconds:
                return stage
            elapsed_s -= stage.seconds
        return None


SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "normal",
            "1 to 10 requests/s",
            tuple(Stage(10, users, 10) for users in (1, 3, 5, 10)),
            1.0,
            Budget(p95_ms=50, p99_ms=100),
        ),
        Scenario(
            "peak",
            "50 to 100 requests/s",
            (Stage(15, 50, 50), Stage(15, 75, 50), Stage(15, 100, 50)),
            1.0,
            Budget(p95_ms=50, p99_ms=100),
        ),
        Scenario(
            "spike",
            "0 to 100 users at once",
            (Stage(30, 100, 100),),
            1.0,
            Budget(p95_ms=100, p99_ms=250),
            in_step=True,
        ),
        Scenario(
            "ten-times",
            "300 requests/s of 1,000 users",
            (Stage(60, 1000, 100),),
            0.3,
            Budget(p95_ms=25, p99_ms=50),
        ),
        Scenario(
            "soak",
            "100 requests/s for long",
            (Stage(600, 100, 50),),
            1.0,
            Budget(p95_ms=50, p99_ms=100),
        ),
        Scenario(
            "mix",
            "good, detailed, bad and batch requests",
            (Stage(45, 50, 25),),
            2.0,
            Budget(p95_ms=50, p99_ms=100),
            weights={"good": 70, "details": 5, "bad": 15, "batch": 10},
        ),
    )
}
