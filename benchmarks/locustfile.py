"""The users of a scenario, for locust. `benchmarks.load` starts this; locust alone works too:

LOAD_SCENARIO=peak locust --headless -f benchmarks/locustfile.py --host http://127.0.0.1:8080
"""

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import gevent
from locust import FastHttpUser, LoadTestShape, events, task
from locust.env import Environment

from benchmarks.flock import Row, birds
from benchmarks.outcome import ColdStart, Outcome
from benchmarks.scenarios import SCENARIOS, Kind, Scenario
from benchmarks.wire import server_timing_ms

BATCH_ROWS: Final = 100


def _scenario() -> Scenario:
    scenario = SCENARIOS[os.environ.get("LOAD_SCENARIO", "normal")]
    seconds = os.environ.get("LOAD_SECONDS")
    return scenario.lasting(float(seconds)) if seconds else scenario


SCENARIO: Final = _scenario()
INTERVAL_S: Final = 1 / SCENARIO.per_user_per_s
_TOKEN: Final = os.environ.get("IDENTITY_TOKEN")
_HEADERS: Final = {
    "Content-Type": "application/json",
    **({"Authorization": f"Bearer {_TOKEN}"} if _TOKEN else {}),
}
_FLOCK: Final = birds(300)
_COLD: Final[list[ColdStart]] = []
_began: float = time.monotonic()


def _without(row: Row, field: str) -> Row:
    return {key: value for key, value in row.items() if key != field}


# What a caller may get wrong: the request, and the status that the contract promises for it.
BAD: Final[tuple[tuple[str, str, Callable[[Row], bytes], int], ...]] = (
    ("malformed", "/predict", lambda row: json.dumps(row).encode()[:-1], 400),
    ("missing field", "/predict", lambda row: json.dumps(_without(row, "sex")).encode(), 422),
    ("out of range", "/predict", lambda row: json.dumps({**row, "body_mass_g": -1.0}).encode(), 422),
    ("text for number", "/predict", lambda row: json.dumps({**row, "bill_depth_mm": "18"}).encode(), 422),
    ("no such path", "/predictions", lambda row: json.dumps(row).encode(), 404),
)


class Caller(FastHttpUser):
    """Someone who knows penguins, and sometimes errs."""

    connection_timeout = 10.0
    network_timeout = 20.0

    def on_start(self) -> None:
        # locust makes users in bursts, once a second, and its own pacing counts from there: they would go on calling
        # in step for ever, and the percentiles would only tell how long a burst is.
        if not SCENARIO.in_step:
            gevent.sleep(random.uniform(0, INTERVAL_S))
        self._due = time.monotonic()

    def wait_time(self) -> float:
        """Seconds to the next call: an answer that is late does not move the calls after it."""
        now = time.monotonic()
        self._due = max(self._due + INTERVAL_S, now - INTERVAL_S)
        return max(0.0, self._due - now)

    @task
    def call(self) -> None:
        kinds: list[Kind] = list(SCENARIO.weights)
        kind = random.choices(kinds, weights=list(SCENARIO.weights.values()))[0]
        row = random.choice(_FLOCK)
        if kind == "bad":
            what, path, body, status = random.choice(BAD)
            self._post(f"bad: {what}", path, body(row), status)
        elif kind == "batch":
            rows = random.choices(_FLOCK, k=BATCH_ROWS)
            self._post(f"batch of {BATCH_ROWS}", "/predict", json.dumps({"instances": rows}).encode(), 200)
        elif kind == "details":
            self._post("details", "/predict?details=true", json.dumps(row).encode(), 200)
        else:
            self._post("predict", "/predict", json.dumps(row).encode(), 200)

    def _post(self, name: str, path: str, body: bytes, expected: int) -> None:
        with self.client.post(path, data=body.decode(), headers=_HEADERS, name=name, catch_response=True) as response:
            if response.status_code != expected:
                response.failure(f"status {response.status_code}, expected {expected}")
                return
            response.success()
            phases = server_timing_ms(response.headers.get("Server-Timing") or "")
            if "load" in phases:
                _COLD.append(ColdStart(time.monotonic() - _began, response.request_meta["response_time"], phases))
                response.request_meta["name"] = f"{name} (cold start)"  # A line of its own in locust's report.


class Shape(LoadTestShape):
    """Follows the scenario's stages."""

    def tick(self) -> tuple[int, float] | None:
        stage = SCENARIO.stage_at(self.get_run_time())  # type: ignore[no-untyped-call]
        return (stage.users, stage.spawn_per_s) if stage else None


def _start(**_: Any) -> None:
    global _began  # noqa: PLW0603  The run's one clock.
    _began = time.monotonic()


def _finish(environment: Environment, **_: Any) -> None:
    """Write the outcome; `benchmarks.load` judges it, so a failed request alone must not set locust's status."""
    environment.process_exit_code = 0
    path = os.environ.get("LOAD_OUTCOME")
    if path is None:
        return
    total = environment.stats.total
    Outcome(
        scenario=SCENARIO.name,
        requests=total.num_requests,
        failures=total.num_failures,
        per_second=total.total_rps,
        p50_ms=total.get_response_time_percentile(0.5),
        p95_ms=total.get_response_time_percentile(0.95),
        p99_ms=total.get_response_time_percentile(0.99),
        cold_starts=_COLD,
        errors=[f"{error.name}: {error.error} ({error.occurrences})" for error in environment.stats.errors.values()],
    ).write(Path(path))


events.test_start.add_listener(_start)  # type: ignore[no-untyped-call]
events.quitting.add_listener(_finish)  # type: ignore[no-untyped-call]
