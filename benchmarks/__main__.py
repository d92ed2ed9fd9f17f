"""`python -m benchmarks`: run the lab, print the tables, write the results; status 1 when a goal is missed.

`python -m benchmarks --only ours,echo` is the daily run. The full one also drives the *ten times* load with locust.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import contenders, document, table
from benchmarks.goals import judge
from benchmarks.lab import BATCHES, PARTS, Plan, measure
from benchmarks.report import write_report
from benchmarks.results import FOLDER, Results
from benchmarks.server import stop_servers_when_terminated


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    if options.show:
        return _show(Results.read(options.show), options)
    try:
        kinds = contenders.select(options.only.split(",") if options.only else ["*"])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    parts = tuple(options.parts.split(","))
    plan = Plan(rounds=options.rounds, window_s=options.seconds, parts=parts, here=options.here, models=options.models)
    results = measure(kinds, plan)
    if "load" in parts and any(kind.name == "ours" for kind in kinds) and "ours" not in results.skipped:
        from benchmarks.load import measure_ten_times

        measure_ten_times(results)
    print(f"written to {results.save(options.to)}", file=sys.stderr)
    return _show(results, options)


def _show(results: Results, options: argparse.Namespace) -> int:
    verdicts = judge(results)
    print(table.contenders(results))
    print(f"\n{table.batches(results, BATCHES)}\n")
    print(table.goals(verdicts))
    if failed := table.failures(results):
        print(f"\n{failed}")
    for name, reason in results.skipped.items():
        print(f"\nleft out: {name}: {reason}")
    print(f"\nreport: {write_report(results, verdicts, options.to)}", file=sys.stderr)
    if options.document:
        document.write(results, verdicts)
    return 1 if any(verdict.reached is False for verdict in verdicts) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    plan = Plan()
    names = ", ".join(kind.name for kind in contenders.ALL)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", help=f"a comma-separated choice, * allowed, of: {names}")
    parser.add_argument("--rounds", type=int, default=plan.rounds, help="medians are taken over these (%(default)s)")
    parser.add_argument("--seconds", type=float, default=plan.window_s, help="length of one turn (%(default)s)")
    parser.add_argument("--parts", default=",".join([*PARTS, "load"]), help="what to measure (%(default)s)")
    parser.add_argument("--here", action="store_true", help="functions run in the lab's own environment: a quick look")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder for the results and the report")
    parser.add_argument("--document", action="store_true", help="put the tables into docs/explanation/performance.md")
    parser.add_argument("--models", type=Path, default=plan.models, help="where this function's model is (artifacts/)")
    parser.add_argument("--show", type=Path, metavar="JSON", help="print and report an earlier run instead")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
