"""One contender of `benchmarks.event_files`, in a process of its own: scores the object once, prints what it took."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # For everyone: a function has one CPU, and one request's sums are small.

Run = Callable[[], dict[str, Any]]


def peak_mb() -> float:
    """VmHWM: the most memory that this process has had."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def prepare(contender: str, generation: int, result: str) -> Run:
    """Import and load everything, as a function has done when a message comes; what is left is the object."""
    if contender != "this project":
        from benchmarks.event_files_pandas import prepare as prepare_pandas

        return prepare_pandas(contender, f"{contender}-{result}")
    from predictor.artifacts.gcs_client import new_client
    from predictor.bootstrap import build
    from predictor.events.notifications import SCORED_SUFFIX
    from predictor.events.objects import ObjectScorer
    from predictor.settings import Settings

    model = build(Settings.from_env({})).service.model_blocking()
    client = new_client()
    scorer = ObjectScorer("results", max_bytes=10**9, max_rows=10**8, client=client)

    def run() -> dict[str, Any]:
        found = scorer.score(model, "uploads", "birds.csv", generation)
        written = client.bucket("results").get_blob(f"birds.csv{SCORED_SUFFIX}")
        done = {"rows": found.rows, "rejected_rows": found.rejected_rows, "written_mb": written.size / 1e6}
        written.delete()  # So that the next round writes again.
        return done

    return run


def main() -> None:
    contender, server_url, generation, result = sys.argv[1:]
    os.environ["STORAGE_EMULATOR_HOST"] = server_url
    stdout, sys.stdout = sys.stdout, sys.stderr  # The model's log line goes elsewhere.
    run = prepare(contender, int(generation), result)
    started, cpu_started = time.perf_counter(), time.process_time()
    measured = run()
    measured |= {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_started}
    print(json.dumps({**measured, "peak_mb": peak_mb()}), file=stdout)


if __name__ == "__main__":
    main()
