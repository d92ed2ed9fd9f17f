"""`python -m benchmarks.load`: locust on the function, one scenario after the other; status 1 when a budget is broken.

Without `--url` it starts the function itself, from the environment that is deployed, with the model of `make model`.
A deployed function that wants callers to identify themselves gets a token: from IDENTITY_TOKEN, or with
`--identity-token` from gcloud. locust's HTML reports stay in `benchmarks/results`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import procfs
from benchmarks.contenders import Contender
from benchmarks.contenders.ours import Ours
from benchmarks.environments import NoEnvironment
from benchmarks.outcome import Outcome
from benchmarks.results import FOLDER, Results
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.server import NoAnswer, Server, stop_servers_when_terminated
from benchmarks.wire import HOST

LOCUSTFILE: Final = Path(__file__).resolve().parent / "locustfile.py"
DEFAULT: Final = ("normal", "peak", "spike", "ten-times", "mix")
"""All but the soak, which takes ten minutes."""


class LoadFailed(RuntimeError):
    """The load could not be put on the function at all."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the function is."""

    url: str
    token: str | None = None
    server: Server | None = None

    def memory_mb(self) -> float | None:
        """Of the function's processes, where they are on this machine."""
        return procfs.memory(self.server.pids).pss_mb if self.server else None


Put = Callable[[Scenario, Target], Outcome]


def main(arguments: Sequence[str] | None = None, *, put: Put | None = None) -> int:
    options = _parse(arguments)
    unknown = [name for name in options.scenarios if name not in SCENARIOS]
    if unknown:
        print(f"no scenario is called {unknown[0]}; there are {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    scenarios = [SCENARIOS[name] for name in options.scenarios or DEFAULT]
    if options.seconds:
        scenarios = [scenario.lasting(options.seconds) for scenario in scenarios]
    try:
        if options.url:
            target = Target(options.url, _token(os.environ, ask_gcloud=options.identity_token))
            return _run(target, scenarios, put or put_load)
        with _local(Ours, warm=not options.cold) as target:
            return _run(target, scenarios, put or put_load)
    except (LoadFailed, NoAnswer, NoEnvironment) as error:
        print(error, file=sys.stderr)
        return 2


def measure_ten_times(results: Results) -> None:
    """Add what the *ten times* scenario does to this function to the lab's results."""
    scenario = SCENARIOS["ten-times"]
    with _local(Ours, warm=True) as target:
        outcome = put_load(scenario, target)
    results.add("ours", "ten_times_failures", outcome.failures)
    results.add("ours", "ten_times_per_s", outcome.per_second)
    results.add("ours", "ten_times_p50_ms", outcome.p50_ms)
    results.add("ours", "ten_times_p95_ms", outcome.p95_ms)
    results.add("ours", "ten_times_p99_ms", outcome.p99_ms)


def put_load(scenario: Scenario, target: Target, folder: Path = FOLDER) -> Outcome:
    """Run a scenario to its end. Raises `LoadFailed`."""
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / f"load-{scenario.name}.html"
    outcome = folder / f"load-{scenario.name}.json"
    outcome.unlink(missing_ok=True)
    env = {
        **os.environ,
        "LOAD_SCENARIO": scenario.name,
        "LOAD_SECONDS": str(scenario.seconds),
        "LOAD_OUTCOME": str(outcome),
    }
    env.pop("IDENTITY_TOKEN", None)
    if target.token:
        env["IDENTITY_TOKEN"] = target.token
    options = ["--headless", "--only-summary", "--host", target.url, "--html", str(report)]
    run = subprocess.run(
        [sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), *options],
        cwd=LOCUSTFILE.parent.parent,
        env={**env, "PYTHONPATH": str(LOCUSTFILE.parent.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=scenario.seconds + 120,
    )
    if not outcome.exists():
        raise LoadFailed(f"locust ended with status {run.returncode}: {run.stderr.strip()[-800:]}")
    return Outcome.read(outcome)


def _run(target: Target, scenarios: Sequence[Scenario], put: Put) -> int:
    broken = False
    for scenario in scenarios:
        print(f"{scenario.name}: {scenario.title}, {scenario.seconds:g} s", flush=True)
        before_mb = target.memory_mb()
        outcome = put(scenario, target)
        after_mb = target.memory_mb()
        _print(outcome)
        if before_mb is not None and after_mb is not None:
            print(f"  memory {before_mb:.1f} MB before, {after_mb:.1f} MB after")
        for sentence in outcome.broken(scenario.budget):
            broken = True
            print(f"  BUDGET: {sentence}")
        print(f"  report: {FOLDER / f'load-{scenario.name}.html'}", flush=True)
    return 1 if broken else 0


def _print(outcome: Outcome) -> None:
    print(
        f"  {outcome.requests:,} requests, {outcome.per_second:.1f}/s, {outcome.failures} failures;"
        f" p50 {outcome.p50_ms:g}, p95 {outcome.p95_ms:g}, p99 {outcome.p99_ms:g} ms"
    )
    for cold in outcome.cold_starts:
        phases = ", ".join(f"{name} {ms:.0f}" for name, ms in cold.phases_ms.items())
        print(f"  cold start after {cold.at_s:.1f} s: {cold.response_ms:.0f} ms ({phases})")
    for error in outcome.errors:
        print(f"  {error}")


@contextmanager
def _local(kind: type[Contender], *, warm: bool) -> Iterator[Target]:
    """The function on this machine; without `warm` its first request comes from the load."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        contender = kind(Path(folder))
        server = Server(contender)
        try:
            contender.prepare()
            contender.environment.compile(contender.sources())
            if warm:
                server.start()
            else:
                server.spawn()
            yield Target(f"http://{HOST}:{server.port}", server=server)
        finally:
            server.stop()
            contender.close()


def _token(env: Mapping[str, str], *, ask_gcloud: bool) -> str | None:
    if env.get("IDENTITY_TOKEN"):
        return env["IDENTITY_TOKEN"]
    if not ask_gcloud:
        return None
    try:
        run = subprocess.run(
            ["gcloud", "auth", "print-identity-token"], capture_output=True, text=True, check=False, timeout=60
        )
    except OSError as error:
        raise LoadFailed("gcloud is not installed; set IDENTITY_TOKEN instead") from error
    if run.returncode != 0:
        raise LoadFailed(f"gcloud gave no identity token: {run.stderr.strip()[-400:]}")
    return run.stdout.strip()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    listed = "; ".join(f"{scenario.name}: {scenario.title}" for scenario in SCENARIOS.values())
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"{listed} (default: all but the soak)")
    parser.add_argument("--url", help="a function that runs already, deployed or not")
    parser.add_argument("--identity-token", action="store_true", help="ask gcloud for one (or set IDENTITY_TOKEN)")
    parser.add_argument("--seconds", type=float, help="stretch or shorten each scenario to this")
    parser.add_argument("--cold", action="store_true", help="let the load itself send the first request")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
