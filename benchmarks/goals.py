"""What a run must reach, and whether it did."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.contenders import PEERS
from benchmarks.figures import Spread, ratio
from benchmarks.results import Results

Measure = Callable[[Results], Spread | None]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table. `limit` is the least value where `at_least`, else the greatest."""

    title: str
    measure: Measure
    limit: float
    at_least: bool = False

    def judge(self, results: Results) -> "Verdict":
        return Verdict(self, self.measure(results))


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal and what was measured; None where the run left it out."""

    goal: Goal
    value: Spread | None

    @property
    def reached(self) -> bool | None:
        if self.value is None:
            return None
        median = self.value.median
        return median >= self.goal.limit if self.goal.at_least else median <= self.goal.limit


def _over(contender: str, base: str, figure: str) -> Measure:
    return lambda results: results.ratio(contender, base, figure)


def _over_fastest_peer(results: Results) -> Spread | None:
    peer = results.best(PEERS, "rps_8")
    return results.ratio("ours", peer, "rps_8") if peer else None


def _figure(contender: str, figure: str) -> Measure:
    return lambda results: results.spread(contender, figure)


def _figure_over(contender: str, figure: str, base: str) -> Measure:
    return lambda results: ratio(results.values(contender, figure), results.values(contender, base))


def _per_row(contender: str, rows: int, base_rows: int) -> Measure:
    """The cost of a row in a request of `rows`, over that in one of `base_rows`."""

    def measure(results: Results) -> Spread | None:
        costs = [ms / rows for ms in results.values(contender, f"batch_{rows}_ms")]
        base = [ms / base_rows for ms in results.values(contender, f"batch_{base_rows}_ms")]
        return ratio(costs, base)

    return measure


GOALS: Final = (
    Goal("/predict requests/s, 8 connections, over the echo function's", _over("ours", "echo", "rps_8"), 0.70, True),
    Goal("... over the predecessor's design", _over("ours", "predecessor", "rps_8"), 70, True),
    Goal("... over the fastest peer", _over_fastest_peer, 25, True),
    Goal("cold start, local bundle, over the echo function's", _over("ours", "echo", "cold_ms"), 1.7),
    Goal("cold start, model in a bucket, over the echo function's", _over("ours-gcs", "echo", "cold_ms"), 2.6),
    Goal("memory at rest (PSS of parent and worker), MB", _figure("ours", "pss_mb"), 95),
    Goal("memory after 100,000 requests, over at rest", _figure_over("ours", "loaded_pss_mb", "rest_pss_mb"), 1.05),
    Goal("cost per row of 1,000 instances, over a single request's", _per_row("ours", 1000, 1), 0.03),
    Goal("cost per row at 10,000 instances, over at 1,000", _per_row("ours", 10_000, 1000), 1.1),
    Goal("ten times (300 requests/s, 1,000 users): failures", _figure("ours", "ten_times_failures"), 0),
    Goal("ten times: p99, ms", _figure("ours", "ten_times_p99_ms"), 50),
)


def judge(results: Results) -> list[Verdict]:
    return [goal.judge(results) for goal in GOALS]
