"""The goals of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.contenders import PEERS
from benchmarks.results import Results, Spread, ratio

Measure = Callable[[Results], Spread | None]


@dataclass(frozen=True, slots=True)
class Goal:
    """The median must be at most `limit`, or at least `limit` where `at_least` is true."""

    title: str
    measure: Measure
    limit: float
    at_least: bool = False

    def reached(self, results: Results) -> bool | None:
        """None where the run did not measure it."""
        spread = self.measure(results)
        if spread is None:
            return None
        return spread.median >= self.limit if self.at_least else spread.median <= self.limit


def _of(contender: str, quantity: str) -> Measure:
    return lambda results: results.spread(contender, quantity)


def _ours(quantity: str) -> Measure:
    return _of("ours", quantity)


def _over(contender: str, base: str, quantity: str) -> Measure:
    return lambda results: results.ratio(contender, base, quantity)


def _over_onnx(contender: str) -> Measure:
    return _over(contender, f"{contender}-onnx", "batch_1000_ms")


def _over_fastest_peer(results: Results) -> Spread | None:
    rates = {kind.name: results.median(kind.name, "rps_8") or 0.0 for kind in PEERS}
    return results.ratio("ours", max(rates, key=lambda name: rates[name]), "rps_8")


def _growth(results: Results) -> Spread | None:
    return ratio(results.values("ours", "loaded_pss_mib"), results.values("ours", "rest_pss_mib"))


def _per_row(rows: int, base_rows: int) -> Measure:
    """What a row costs in a request of `rows`, over what it costs in a request of `base_rows`."""

    def costs(results: Results, size: int) -> list[float]:
        return [ms / size for ms in results.values("ours", f"batch_{size}_ms")]

    return lambda results: ratio(costs(results, rows), costs(results, base_rows))


GOALS: Final = (
    Goal("/predict requests/s, 8 connections, over the echo function's", _over("ours", "echo", "rps_8"), 0.85, True),
    Goal("... over the replaced service's", _over("ours", "replaced-service", "rps_8"), 70, True),
    Goal("... over the fastest peer's", _over_fastest_peer, 25, True),
    Goal("cold start, local bundle, over the echo function's", _over("ours", "echo", "cold_ms"), 1.3),
    Goal("cold start, model in a bucket, over the echo function's", _over("ours-gcs", "echo", "cold_ms"), 2.6),
    Goal("memory at rest (PSS of parent and worker), MiB", _ours("pss_mib"), 55),
    Goal("forest of 100 trees: requests/s over the echo function's", _over("ours-forest", "echo", "rps_8"), 0.70, True),
    Goal("... its cold start, over the echo function's", _over("ours-forest", "echo", "cold_ms"), 1.5),
    Goal("... its memory at rest, MiB", _of("ours-forest", "pss_mib"), 70),
    Goal("... its time for 1,000 instances, over ONNX Runtime's", _over_onnx("ours-forest"), 1),
    Goal("XGBoost, 300 trees: requests/s over the echo function's", _over("ours-xgboost", "echo", "rps_8"), 0.70, True),
    Goal("... XGBoost's cold start, over the echo function's", _over("ours-xgboost", "echo", "cold_ms"), 1.5),
    Goal("... XGBoost's memory at rest, MiB", _of("ours-xgboost", "pss_mib"), 70),
    Goal("... XGBoost's time for 1,000 instances, over ONNX Runtime's", _over_onnx("ours-xgboost"), 1),
    Goal("memory after 100,000 requests, over at rest", _growth, 1.05),
    Goal("cost per row of 1,000 instances, over a single request's", _per_row(1000, 1), 0.03),
    Goal("cost per row at 10,000 instances, over at 1,000", _per_row(10_000, 1000), 1.1),
    Goal("ten times (300 requests/s, 1,000 users): failures", _ours("ten_times_failures"), 0),
    Goal("ten times: p99, ms", _ours("ten_times_p99_ms"), 50),
)
