"""Write the results of a run to `ops/figures.json`, which `python -m predictor capacity` reads.

The run has to measure `ours-deployed` with `--parts start,serve,memory`. The medians of its rounds are written.
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


def capacity_figures(results: Results) -> Figures:
    """Raises `LookupError` for a quantity that was not measured."""

    def median(quantity: str) -> float:
        found = results.median(CONTENDER, quantity)
        if found is None:
            raise LookupError(f"{quantity} of {CONTENDER} is not measured: run with --parts start,serve,memory")
        return found

    machine = results.machine
    return Figures(
        requests_per_s_per_vcpu=round(median(f"rps_per_vcpu_{CONNECTIONS}")),
        p99_ms=round(median(f"p99_{CONNECTIONS}_ms"), 1),
        cold_start_ms=round(median("cold_ms")),
        memory_mb=round(median("loaded_pss_mib") * MB_PER_MIB, 1),
        date=results.started[:10],
        machine=f"{machine['cores']} cores, {machine['processor']}, Python {machine['python']}",
        command=f"python -m benchmarks, medians of {results.rounds} rounds, {CONNECTIONS} connections",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("results", type=Path, help="a JSON file in benchmarks/results")
    parser.add_argument("--to", type=Path, default=FIGURES_FILE, help="the file to write (default: ops/figures.json)")
    options = parser.parse_args(arguments)
    try:
        figures = capacity_figures(Results.read(options.results))
    except LookupError as error:
        print(error, file=sys.stderr)
        return 1
    options.to.write_text(figures.model_dump_json(indent=2) + "\n")
    print(f"written to {options.to}; where the documentation quotes `python -m predictor capacity`, update it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
