"""Compare this function with other servers of the same model, print the tables, and write the results and a report.

`python -m benchmarks --only ours,echo` is the short, daily run. The full one also applies locust's ten-times load.
The exit status is 1 when a goal is missed.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from benchmarks import contenders, tables
from benchmarks.goals import GOALS
from benchmarks.load import measure_ten_times
from benchmarks.paths import MODELS, PERFORMANCE_PAGE, RESULTS, ROOT
from benchmarks.report import write_report
from benchmarks.results import Results
from benchmarks.runner import PARTS, Plan, measure
from benchmarks.server import stop_servers_when_terminated


def main() -> int:
    options = _parse()
    try:
        results = Results.read(options.show) if options.show else _measure(options)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    for rows in (tables.contenders(results), tables.batches(results), tables.goals(results)):
        print(f"{tables.align(rows)}\n")
    for note in tables.notes(results):
        print(f"{note}\n")
    print(f"report: {write_report(results, options.to)}", file=sys.stderr)
    if options.document:
        tables.write_document(results)
    return 1 if any(goal.reached(results) is False for goal in GOALS) else 0


def _measure(options: argparse.Namespace) -> Results:
    """Raises `ValueError` for a name that no contender has."""
    kinds, parts = contenders.select(options.only.split(",")), options.parts.split(",")
    makers = [partial(kind, here=options.here, models=options.models) for kind in kinds]
    results = measure(makers, Plan(options.rounds, options.seconds, parts))
    if "load" in parts and "ours" in results.samples and "ours" not in results.skipped:
        measure_ten_times(results)
    print(f"results: {results.save(options.to)}", file=sys.stderr)
    return results


def _parse() -> argparse.Namespace:
    names = ", ".join(kind.name for kind in contenders.ALL)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--only", default="*", metavar="NAMES", help=f"comma-separated names of contenders, also with *; of {names}")
    add("--rounds", type=int, default=Plan().rounds, help="how often all are measured (default: %(default)s)")
    add("--seconds", type=float, default=Plan().turn_s, help="length of one measurement (default: %(default)s)")
    add("--parts", default=",".join([*PARTS, "load"]), help="what to measure (default: %(default)s)")
    add("--here", action="store_true", help="run functions in the current environment: quicker, but memory is wrong")
    add("--models", type=Path, default=MODELS, help="folder with this function's published models (default: artifacts)")
    add("--show", type=Path, metavar="JSON", help="print an earlier run again instead of measuring")
    add("--document", action="store_true", help=f"also write the tables into {PERFORMANCE_PAGE.relative_to(ROOT)}")
    add("--to", type=Path, default=RESULTS, help="folder for results and report (default: benchmarks/results)")
    return parser.parse_args()


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
