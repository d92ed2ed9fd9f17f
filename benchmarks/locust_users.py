"""The users of a scenario, for locust: `python -m benchmarks.locust_users SCENARIO SECONDS URL REPORT`.

`benchmarks.load` runs this as a process of its own, because locust replaces parts of the standard library (gevent). It
prints the outcome as JSON and writes locust's HTML report to the file REPORT. IDENTITY_TOKEN is sent if it is set.
"""

import json
import os
import random
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Final

import gevent
from locust import FastHttpUser, LoadTestShape, task
from locust.env import Environment
from locust.html import get_html_report
from locust.stats import stats_history

from benchmarks.raw_http import server_timing_ms
from benchmarks.sample_penguins import sample_penguins
from benchmarks.scenarios import SCENARIOS, Kind, Outcome, Scenario

BATCH_ROWS: Final = 100
_PENGUINS: Final = sample_penguins(300)


def _request(kind: Kind) -> tuple[str, str, Any, int]:
    """A request of this kind: its name in the report, its path, its body, and the status that is documented for it."""
    row = random.choice(_PENGUINS)
    if kind == "good":
        return "predict", "/predict", row, 200
    if kind == "details":
        return "details", "/predict?details=true", row, 200
    if kind == "batch":
        return f"batch of {BATCH_ROWS}", "/predict", {"instances": random.choices(_PENGUINS, k=BATCH_ROWS)}, 200
    mistakes: list[tuple[str, str, Any, int]] = [
        ("bad: malformed", "/predict", json.dumps(row)[:-1], 400),
        ("bad: missing field", "/predict", {name: value for name, value in row.items() if name != "sex"}, 422),
        ("bad: out of range", "/predict", {**row, "body_mass_g": -1.0}, 422),
        ("bad: text for number", "/predict", {**row, "bill_depth_mm": "18"}, 422),
        ("bad: no such path", "/predictions", row, 404),
    ]
    return random.choice(mistakes)


class Caller(FastHttpUser):
    """Sends the requests of a scenario at a steady pace."""

    scenario: ClassVar[Scenario]
    headers: ClassVar[dict[str, str]] = {"Content-Type": "application/json"}
    cold_starts: ClassVar[list[str]] = []
    connection_timeout = 10.0
    network_timeout = 20.0

    def on_start(self) -> None:
        # locust creates users in bursts, once a second. Without this pause all users of a burst would send at the same
        # moments for the whole run, and the percentiles would measure the size of a burst.
        self._interval_s = 1 / self.scenario.per_user_per_s
        if not self.scenario.in_step:
            gevent.sleep(random.uniform(0, self._interval_s))
        self._due = time.monotonic()

    def wait_time(self) -> float:
        """Seconds to the next request; one late answer does not delay all requests after it.

        locust's own `constant_throughput` counts from the creation of the user, and would undo that pause.
        """
        now = time.monotonic()
        self._due = max(self._due + self._interval_s, now - self._interval_s)
        return max(0.0, self._due - now)

    @task
    def call(self) -> None:
        kinds, weights = zip(*self.scenario.weights, strict=True)
        name, path, body, expected = _request(random.choices(kinds, weights)[0])
        data = body if isinstance(body, str) else json.dumps(body)
        with self.client.post(path, data, headers=self.headers, name=name, catch_response=True) as response:
            if response.status_code != expected:
                response.failure(f"status {response.status_code}, expected {expected}")
                return
            response.success()
            phases_ms = server_timing_ms(response.headers.get("Server-Timing") or "")
            if "load" in phases_ms:
                after_s = time.time() - self.environment.stats.start_time
                took = f"{response.request_meta['response_time']:.0f} ms"
                phases = ", ".join(f"{phase} {ms:.0f}" for phase, ms in phases_ms.items())
                self.cold_starts.append(f"cold start after {after_s:.1f} s: {took} ({phases})")
                response.request_meta["name"] = f"{name} (cold start)"  # A line of its own in locust's report.


class Stages(LoadTestShape):
    def tick(self) -> tuple[int, float] | None:
        stage = Caller.scenario.stage_at(self.get_run_time())  # type: ignore[no-untyped-call]
        return (stage.users, stage.spawn_per_s) if stage else None


def run_scenario(url: str, report: Path) -> Outcome:
    environment = Environment(user_classes=[Caller], shape_class=Stages(), host=url)  # type: ignore[no-untyped-call]
    runner = environment.create_local_runner()
    gevent.spawn(stats_history, runner)  # For the charts of the report.
    runner.start_shape()
    assert runner.shape_greenlet is not None
    runner.shape_greenlet.join()
    runner.quit()
    report.write_text(get_html_report(environment, show_download_link=False))  # type: ignore[no-untyped-call]
    total = environment.stats.total
    p50_ms, p95_ms, p99_ms = (total.get_response_time_percentile(share) for share in (0.5, 0.95, 0.99))
    errors = [f"{error.name}: {error.error} ({error.occurrences})" for error in environment.stats.errors.values()]
    counts = (total.num_requests, total.num_failures, total.total_rps)
    return Outcome(*counts, p50_ms, p95_ms, p99_ms, Caller.cold_starts, errors)


if __name__ == "__main__":
    Caller.scenario = SCENARIOS[sys.argv[1]].lasting(float(sys.argv[2]))
    if token := os.environ.get("IDENTITY_TOKEN"):
        Caller.headers["Authorization"] = f"Bearer {token}"
    print(json.dumps(asdict(run_scenario(sys.argv[3], Path(sys.argv[4])))))
