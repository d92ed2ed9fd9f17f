"""`python -m benchmarks`: run the lab, print the tables, write the results; status 1 when a goal is missed.

`python -m benchmarks --only ours,echo` is the daily run. The full one also drives the *ten times* load with locust.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import contenders, table
from benchmarks.goals import judge
from benchmarks.lab import BATCHES, PARTS, Plan, measure
from benchmarks.report import write_report
from benchmarks.results import Results


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    if options.show:
        return _show(Results.read(options.show))
    try:
        kinds = contenders.select(options.only.split(",") if options.only else ["*"])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    parts = tuple(options.parts.split(","))
    results = measure(kinds, Plan(rounds=options.rounds, window_s=options.seconds, parts=parts))
    if "load" in parts and any(kind.name == "ours" for kind in kinds) and "ours" not in results.skipped:
        from benchmarks.load import measure_ten_times

        measure_ten_times(results)
    print(f"written to {results.save()}", file=sys.stderr)
    return _show(results)


def _show(results: Results) -> int:
    verdicts = judge(results)
    print(table.contenders(results))
    print(f"\n{table.batches(results, BATCHES)}\n")
    print(table.goals(verdicts))
    for name, reason in results.skipped.items():
        print(f"\nleft out: {name}: {reason}")
    print(f"\nreport: {write_report(results, verdicts)}", file=sys.stderr)
    return 1 if any(verdict.reached is False for verdict in verdicts) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    plan = Plan()
    names = ", ".join(kind.name for kind in contenders.ALL)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", help=f"a comma-separated choice, * allowed, of: {names}")
    parser.add_argument("--rounds", type=int, default=plan.rounds, help="medians are taken over these (%(default)s)")
    parser.add_argument("--seconds", type=float, default=plan.window_s, help="length of one turn (%(default)s)")
    parser.add_argument("--parts", default=",".join([*PARTS, "load"]), help="what to measure (%(default)s)")
    parser.add_argument("--show", type=Path, metavar="JSON", help="print and report an earlier run instead")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
