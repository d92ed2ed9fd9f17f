"""Put locust's load scenarios on the function, one after the other. The exit status is 1 when one exceeds its budget.

Without --url the function is started on this machine, as it is deployed, with the model that `make model` published.
locust's HTML reports are written to benchmarks/results.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from benchmarks.contenders import Ours, Unavailable, run
from benchmarks.paths import RESULTS
from benchmarks.raw_http import HOST
from benchmarks.results import Results
from benchmarks.scenarios import SCENARIOS, Outcome, Scenario
from benchmarks.server import Server, serving, stop_servers_when_terminated


class Target(NamedTuple):
    """Where the function is; `server` if it runs on this machine."""

    url: str
    token: str | None = None
    server: Server | None = None


ApplyScenario = Callable[[Scenario, Target], Outcome]


def apply_scenario(scenario: Scenario, target: Target) -> Outcome:
    """Run a scenario to its end. Raises `Unavailable` when locust fails."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.locust_users", scenario.name, str(scenario.seconds), target.url]
    variables = {**os.environ, "IDENTITY_TOKEN": target.token or ""}
    printed = run([*command, _report(scenario)], variables, timeout_s=scenario.seconds + 120)
    return TypeAdapter(Outcome).validate_json(printed)


def main(arguments: Sequence[str] | None = None, *, apply: ApplyScenario = apply_scenario) -> int:
    options = _parse(arguments)
    names = options.scenarios or [name for name in SCENARIOS if name != "soak"]
    if unknown := [name for name in names if name not in SCENARIOS]:
        print(f"no scenario is called {unknown[0]!r}; choose from {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    scenarios = [SCENARIOS[name].lasting(options.seconds or SCENARIOS[name].seconds) for name in names]
    try:
        if options.url:
            token = identity_token(os.environ, ask_gcloud=options.identity_token)
            return _run(scenarios, Target(options.url, token), apply)
        with serving(Ours, warm=not options.cold) as server:
            return _run(scenarios, _local(server), apply)
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 2


def measure_ten_times(results: Results) -> None:
    """Add the outcome of the ten-times scenario to the results."""
    with serving(Ours) as server:
        outcome = apply_scenario(SCENARIOS["ten-times"], _local(server))
    for quantity in ("failures", "per_second", "p50_ms", "p95_ms", "p99_ms"):
        results.add("ours", f"ten_times_{quantity}", getattr(outcome, quantity))


def _run(scenarios: Sequence[Scenario], target: Target, apply: ApplyScenario) -> int:
    exceeded = False
    for scenario in scenarios:
        print(f"{scenario.name}: {scenario.title}, {scenario.seconds:g} s", flush=True)
        before = target.server.memory() if target.server else None
        outcome = apply(scenario, target)
        print(f"  {outcome}")
        if target.server and before:
            print(f"  memory {before.pss_mib:.1f} MiB before, {target.server.memory().pss_mib:.1f} MiB after")
        for sentence in outcome.violations(scenario.budget):
            exceeded = True
            print(f"  BUDGET: {sentence}")
        print(f"  report: {_report(scenario)}", flush=True)
    return 1 if exceeded else 0


def _report(scenario: Scenario) -> Path:
    return RESULTS / f"load-{scenario.name}.html"


def _local(server: Server) -> Target:
    return Target(f"http://{HOST}:{server.port}", server=server)


def identity_token(variables: Mapping[str, str], *, ask_gcloud: bool) -> str | None:
    """The token for a function that does not admit everybody. Raises `Unavailable` when gcloud has none."""
    if token := variables.get("IDENTITY_TOKEN"):
        return token
    return run(["gcloud", "auth", "print-identity-token"], timeout_s=60).strip() if ask_gcloud else None


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    listed = "; ".join(f"{scenario.name}: {scenario.title}" for scenario in SCENARIOS.values())
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"{listed} (default: all but soak)")
    parser.add_argument("--url", help="where the function runs, if it runs already")
    parser.add_argument("--identity-token", action="store_true", help="send gcloud's token, or $IDENTITY_TOKEN if set")
    parser.add_argument("--seconds", type=float, help="length of each scenario, instead of its own")
    parser.add_argument("--cold", action="store_true", help="send no request before the load: show the cold start")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
