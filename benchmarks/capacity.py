"""`python -m benchmarks.capacity RESULTS.json`: a run's figures of this function as `ops/figures.json`.

`python -m predictor capacity` plans with them. The run needs `--parts start,serve,memory`; figures are its medians.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.results import Results
from predictor.operations.capacity import FIGURES_FILE, Figures

CONTENDER: Final = "ours-deployed"
CONNECTIONS: Final = 8
MB_PER_MIB: Final = 1024 * 1024 / 1_000_000
"""The lab counts memory in units of 1024 * 1024 bytes."""


class Incomplete(RuntimeError):
    """A run has not measured what planning needs."""


def figures(results: Results) -> Figures:
    """Raises `Incomplete`."""
    machine = results.machine
    return Figures(
        requests_per_s_per_vcpu=round(_median(results, f"rps_per_vcpu_{CONNECTIONS}")),
        p99_ms=round(_median(results, f"p99_{CONNECTIONS}_ms"), 1),
        cold_start_ms=round(_median(results, "cold_ms")),
        memory_mb=round(_median(results, "loaded_pss_mb") * MB_PER_MIB, 1),
        date=results.started[:10],
        machine=f"{machine['cores']} cores, {machine['processor']}, Python {machine['python']}",
        command=f"python -m benchmarks, medians of {results.rounds} rounds, {CONNECTIONS} connections",
    )


def _median(results: Results, figure: str) -> float:
    median = results.median(CONTENDER, figure)
    if median is None:
        raise Incomplete(f"{figure} of {CONTENDER} is not measured: run with --parts start,serve,memory")
    return median


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("results", type=Path, help="a file under benchmarks/results")
    parser.add_argument("--to", type=Path, default=FIGURES_FILE, help="default: ops/figures.json")
    options = parser.parse_args(arguments)
    try:
        found = figures(Results.read(options.results))
    except Incomplete as error:
        print(error, file=sys.stderr)
        return 1
    options.to.write_text(found.model_dump_json(indent=2) + "\n")
    print(f"written to {options.to}; docs/how-to/runbook.md quotes what `python -m predictor capacity` makes of it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
