"""A million rows in a bucket: `predictor.events.objects` beside pandas and scikit-learn on the same object, in one run.

    python -m benchmarks.event_files [--rows N] [--rounds N]

A seeded CSV, of which some rows are bad, lies in a real fake-gcs-server. Each contender reads it from there and writes
one JSON line per row back, in a fresh process, in turn, several rounds. Printed, for the object alone, without imports
and model: rows per second of the process's CPU time, rows per second on the clock, and the peak memory (VmHWM). Exit
status 1 when the ratio to `pandas, validated` on the clock is under 1.5 or our own peak is over 300 MB.

The clock also has the emulator in it, which takes as long for each contender, and whoever else is on the machine, so
CPU time is printed beside it.

The contenders (`benchmarks.event_files_pandas`) read in chunks with pandas and predict with the published model.pkl.
`pandas, validated` finds every violation of every row with vectorised masks; `pandas + pydantic` hands each row to the
project's own pydantic model; `pandas, not validated` only drops rows with missing cells, and is shown for scale.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.support.gcs import GcsServer

ROWS: Final = 1_000_000
ROUNDS: Final = 3
BAD_SHARE: Final = 0.01
MIN_RATIO: Final = 1.5
MAX_MEMORY_MB: Final = 300
TIMEOUT_S: Final = 600
OURS: Final = "this project"
RIVAL: Final = "pandas, validated"
CONTENDERS: Final = (OURS, RIVAL, "pandas + pydantic", "pandas, not validated")
PROJECT: Final = Path(__file__).resolve().parent.parent

# Typical birds: bill length and depth, flipper length, body mass, island.
_TYPICAL: Final = (
    (38.8, 18.3, 190.0, 3700.0, "Torgersen"),
    (48.8, 18.4, 196.0, 3730.0, "Dream"),
    (47.5, 15.0, 217.0, 5080.0, "Biscoe"),
)
_SPOILED: Final = ("NA", "", "-1", "unknown", "1e9")


def make_csv(rows: int, seed: int = 1) -> bytes:
    """Birds spelled as in the original data set: one decimal, and whole numbers without a point."""
    rng = random.Random(seed)
    lines = ["species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year"]
    for _ in range(rows):
        *measures, island = rng.choice(_TYPICAL)
        length, depth, flipper, mass = (value * rng.gauss(1, 0.05) for value in measures)
        cells = [island, f"{length:.1f}", f"{depth:.1f}", f"{flipper:.0f}", f"{mass / 25:.0f}"]
        cells[4] = str(int(cells[4]) * 25)
        cells.append(rng.choice(("male", "female")))
        if rng.random() < BAD_SHARE:
            cells[rng.randrange(len(cells))] = rng.choice(_SPOILED)
        lines.append(",".join(("", *cells, str(rng.choice((2007, 2008, 2009))))))
    return ("\n".join(lines) + "\n").encode()


def measure(contender: str, server: GcsServer, generation: int, result: str) -> dict[str, Any]:
    """Run one contender in a process of its own; what it measured."""
    arguments = [contender, server.url, str(generation), result]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.event_files_worker", *arguments],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        timeout=TIMEOUT_S,
        check=True,
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    data = make_csv(options.rows)
    server = GcsServer()
    try:
        server.create_bucket("uploads")
        server.create_bucket("results")
        server.put("uploads", "birds.csv", data)
        generation = server.client().bucket("uploads").get_blob("birds.csv").generation
        print(f"{options.rows:,} rows, {len(data) / 1e6:.0f} MB, {options.rounds} rounds in turn", flush=True)
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
        for number in range(options.rounds):
            for name in CONTENDERS:
                runs[name].append(measure(name, server, generation, f"{number}"))
    finally:
        server.stop()
    return report(runs, options.rows)


def report(runs: dict[str, list[dict[str, Any]]], rows: int) -> int:
    assert (
        runs[OURS][0]["rejected_rows"]
        == runs[RIVAL][0]["rejected_rows"]
        == runs["pandas + pydantic"][0]["rejected_rows"]
    )
    cpu, clock = (
        {name: statistics.median(run[key] for run in done) for name, done in runs.items()}
        for key in ("cpu_seconds", "seconds")
    )
    print(f"{'':24}{'rows/CPU s':>12}{'ours is':>9}{'rows/s':>12}{'ours is':>9}{'peak MB':>9}{'written MB':>12}")
    for name, done in runs.items():
        peak = max(run["peak_mb"] for run in done)
        print(
            f"{name:24}{rows / cpu[name]:12,.0f}{cpu[name] / cpu[OURS]:8.2f}x"
            f"{rows / clock[name]:12,.0f}{clock[name] / clock[OURS]:8.2f}x{peak:9.0f}{done[0]['written_mb']:12.0f}"
        )
    ratio, peak = clock[RIVAL] / clock[OURS], max(run["peak_mb"] for run in runs[OURS])
    pairs = [rival["seconds"] / ours["seconds"] for ours, rival in zip(runs[OURS], runs[RIVAL], strict=True)]
    rejected = runs[OURS][0]["rejected_rows"]
    print(f"rejected rows: {rejected:,}; ratio by round: {', '.join(f'{pair:.2f}' for pair in pairs)}")
    good = ratio >= MIN_RATIO and peak < MAX_MEMORY_MB
    print(f"{'good' if good else 'FAILED'}: {ratio:.2f}x (at least {MIN_RATIO}), {peak:.0f} MB (under {MAX_MEMORY_MB})")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
