"""Put locust's load scenarios on the function, one after the other. The exit status is 1 when one exceeds its budget.

Without --url the function is started on this machine, as it is deployed, with the model that `make model` published.
locust's HTML reports are written to benchmarks/results.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.contenders import Ours, Unavailable, run
from benchmarks.paths import RESULTS
from benchmarks.results import Results
from benchmarks.scenarios import SCENARIOS, Outcome, Scenario
from benchmarks.server import Server, serving, stop_servers_when_terminated

Apply = Callable[[Scenario, str, str | None], Outcome]
"""Run a scenario at a URL, with an identity token where one is needed."""


def apply_scenario(scenario: Scenario, url: str, token: str | None) -> Outcome:
    """Run a scenario to its end. Raises `Unavailable` when locust fails."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.locust_users", scenario.name, str(scenario.seconds), url]
    variables = {**os.environ, "IDENTITY_TOKEN": token or ""}
    printed = run([*command, _report(scenario)], variables, timeout_s=scenario.seconds + 120)
    return TypeAdapter(Outcome).validate_json(printed)


def _report(scenario: Scenario) -> Path:
    return RESULTS / f"load-{scenario.name}.html"


def measure_ten_times(results: Results) -> None:
    """Add the outcome of the ten-times scenario to the results."""
    with serving(Ours) as server:
        outcome = apply_scenario(SCENARIOS["ten-times"], server.url, None)
    for quantity in ("failures", "per_second", "p50_ms", "p95_ms", "p99_ms"):
        results.add("ours", f"ten_times_{quantity}", getattr(outcome, quantity))


def main(arguments: Sequence[str] | None = None, *, apply: Apply = apply_scenario) -> int:
    listed = "; ".join(f"{scenario.name}: {scenario.title}" for scenario in SCENARIOS.values())
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"{listed} (default: all but soak)")
    parser.add_argument("--url", help="where the function runs, if it runs already")
    parser.add_argument("--identity-token", action="store_true", help="send gcloud's token, or $IDENTITY_TOKEN if set")
    parser.add_argument("--seconds", type=float, help="length of each scenario, instead of its own")
    parser.add_argument("--cold", action="store_true", help="send no request before the load: show the cold start")
    options = parser.parse_args(arguments)
    names = options.scenarios or [name for name in SCENARIOS if name != "soak"]
    if unknown := [name for name in names if name not in SCENARIOS]:
        parser.error(f"no scenario is called {unknown[0]!r}; choose from {', '.join(SCENARIOS)}")
    scenarios = [SCENARIOS[name].lasting(options.seconds or SCENARIOS[name].seconds) for name in names]
    try:
        if options.url:
            token = identity_token(os.environ, ask_gcloud=options.identity_token)
            return _run(scenarios, lambda scenario: apply(scenario, options.url, token))
        with serving(Ours, warm=not options.cold) as server:
            return _run(scenarios, lambda scenario: apply(scenario, server.url, None), server)
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 2


def _run(scenarios: Sequence[Scenario], apply: Callable[[Scenario], Outcome], server: Server | None = None) -> int:
    exceeded = False
    for scenario in scenarios:
        print(f"{scenario.name}: {scenario.title}, {scenario.seconds:g} s", flush=True)
        before_mib = server.memory().pss_mib if server else 0.0
        outcome = apply(scenario)
        print(f"  {outcome}")
        if server:
            print(f"  memory {before_mib:.1f} MiB before, {server.memory().pss_mib:.1f} MiB after")
        for sentence in outcome.violations(scenario.budget):
            exceeded = True
            print(f"  BUDGET: {sentence}")
        print(f"  report: {_report(scenario)}", flush=True)
    return 1 if exceeded else 0


def identity_token(variables: Mapping[str, str], *, ask_gcloud: bool) -> str | None:
    """The token for a function that does not admit everybody. Raises `Unavailable` when gcloud has none."""
    if token := variables.get("IDENTITY_TOKEN"):
        return token
    return run(["gcloud", "auth", "print-identity-token"], timeout_s=60).strip() if ask_gcloud else None


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
