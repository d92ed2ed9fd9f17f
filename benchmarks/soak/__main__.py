"""`python -m benchmarks.soak 10m`: run a soak, print its table, and leave table, plot and logs in benchmarks/results.

The exit status is 1 if a limit is missed.
"""

import argparse
import re
import sys
import time
from pathlib import Path

from benchmarks.paths import RESULTS
from benchmarks.server import stop_servers_when_terminated
from benchmarks.soak.report import failures, lines, plot, table
from benchmarks.soak.run import soak


def seconds(text: str) -> float:
    """From `90`, `90s`, `10m` or `2h`."""
    match = re.fullmatch(r"([1-9]\d{0,5})([smh]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 60s, 10m or 2h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("duration", type=seconds, nargs="?", default=60.0, help="60s, 10m, 2h (default: 60s)")
    parser.add_argument("--to", type=Path, help="folder for table, plot and logs; default: a new one in the results")
    options = parser.parse_args()
    folder = options.to or RESULTS / f"soak-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    folder.mkdir(parents=True)
    record = soak(options.duration, folder)
    found = lines(record)
    text = f"{record.duration_s:g} s\n\n{table(found)}\n"
    (folder / "soak.md").write_text(text)
    plot(record, folder / "soak.svg")
    print(text)
    for failure in failures(record):
        print(failure, file=sys.stderr)
    print(f"table, plot and logs: {folder}", file=sys.stderr)
    return 0 if all(line.good for line in found) else 1


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
