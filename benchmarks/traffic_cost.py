"""What counting traffic costs: whole requests with and without it, as ratios.

In one process, both in turns, in CPU time of the thread; and over HTTP, beside a function whose model was published
without a reference, which counts nothing. `make model` publishes the model that is used.
"""

import argparse
import io
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop
from starlette.requests import Request

from benchmarks.ablations import Variant
from benchmarks.contenders.base import Unavailable
from benchmarks.paths import MODELS
from benchmarks.runner import Plan, measure
from benchmarks.sample_penguins import sample_penguins
from benchmarks.server import MakeContender, stop_servers_when_terminated
from benchmarks.tables import align
from benchmarks.timing import ROUNDS, Step, compare
from predictor.artifacts import MANIFEST_FILE, REFERENCE_FILE, Manifest
from predictor.bootstrap import App, build
from predictor.digest import digest_of
from predictor.settings import Settings
from predictor.telemetry import configure_logs

REQUESTS: Final = 200
"""Of one step."""
BATCH: Final = 1000
_LOOP: Final = uvloop.new_event_loop()
_COUNTED, _NOT_COUNTED = "counting", "without a reference"


class WithoutReference(Variant):
    """The function with the same model, published without `reference.json`."""

    def make_model(self) -> None:
        super().make_model()
        source = Path(self.variables()["MODEL_URI"])
        manifest = Manifest.from_bytes((source / MANIFEST_FILE).read_bytes(), None)
        if REFERENCE_FILE not in manifest.file_names:
            raise Unavailable(f"{source} has no {REFERENCE_FILE}; `make model` publishes a model that has it")
        kept = tuple(entry for entry in manifest.files if entry.name != REFERENCE_FILE)
        changed = manifest.model_copy(update={"files": kept}).to_bytes()
        folder = self.folder / "without" / source.name
        folder.mkdir(parents=True)
        for entry in kept:
            (folder / entry.name).write_bytes((source / entry.name).read_bytes())
        (folder / MANIFEST_FILE).write_bytes(changed)
        self._model = {"MODEL_URI": str(folder), "MODEL_DIGEST": digest_of(changed)}


def in_process() -> dict[str, tuple[Step, Step]]:
    """For each title the requests to an app that counts, and to one that does not."""
    newest = max(path.parent for path in MODELS.glob(f"*/{MANIFEST_FILE}"))
    settings = Settings(model_uri=str(newest), max_instances_per_request=BATCH)
    apps = [build(settings, count_traffic=counting) for counting in (True, False)]
    for app in apps:
        app.models.get_blocking()
    birds = sample_penguins(BATCH)
    plain = [json.dumps(bird).encode() for bird in birds[:REQUESTS]]
    batch = json.dumps({"instances": birds}).encode()
    return {
        f"{REQUESTS} plain requests": _both(apps, plain),
        f"{REQUESTS} detailed requests": _both(apps, plain, b"details=true"),
        f"a batch of {BATCH:,} penguins": _both(apps, [batch]),
    }


def _both(apps: Sequence[App], bodies: list[bytes], query: bytes = b"") -> tuple[Step, Step]:
    counting, other = (_step(app, bodies, query) for app in apps)
    return counting, other


def _step(app: App, bodies: list[bytes], query: bytes) -> Step:
    return lambda: _LOOP.run_until_complete(_send(app, bodies, query))


async def _send(app: App, bodies: list[bytes], query: bytes) -> None:
    for body in bodies:

        async def receive(body: bytes = body) -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": "/predict",
            "query_string": query,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
        }
        response = await app.web(Request(scope, receive))
        assert response.status_code == 200, response.body


def over_http(rounds: int, seconds: float) -> list[list[str]]:
    # As a deployment logs: at the level of the tables in docs/explanation/performance.md no summary would be written.
    variables = {"LOG_LEVEL": "INFO"}
    makers: list[MakeContender] = [
        partial(WithoutReference, name=_NOT_COUNTED, variables=variables),
        partial(Variant, name=_COUNTED, variables=variables),
    ]
    results = measure(makers, Plan(rounds, seconds, ("serve",), connections=(8,)))
    if results.skipped:
        raise Unavailable("; ".join(results.skipped.values()))
    quantities = {"requests/s": "rps_8", "CPU s per 1,000 requests": "cpu_s_per_1000_8", "p99 ms": "p99_8_ms"}
    return [[title, str(results.ratio(_COUNTED, _NOT_COUNTED, name))] for title, name in quantities.items()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traffic_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=1.0, help="of one HTTP measurement (default: %(default)s)")
    options = parser.parse_args()
    configure_logs("INFO", None, io.StringIO())
    rows = [["in one process, CPU time", "counting over not counting"]]
    for title, (counting, other) in in_process().items():
        rows.append([title, str(compare(counting, other, options.rounds).ratio)])
    try:
        rows += [["over HTTP, 8 connections", ""], *over_http(options.rounds, options.seconds)]
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 2
    print(align(rows))
    return 0


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
