"""Compare the function with itself under another environment variable, or with the code in another folder.

Smaller is better, except for requests/s. Each value is the median over the rounds of a ratio to the function as it is.
"""

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.contenders import Ours
from benchmarks.paths import ROOT
from benchmarks.runner import Plan, measure
from benchmarks.server import stop_servers_when_terminated
from benchmarks.tables import align

UNCHANGED: Final = "the same again"  # Shows how far noise alone moves a ratio away from 1.
CHOICES: Final = (
    UNCHANGED,
    *("PYTHONOPTIMIZE=1", "PYTHONOPTIMIZE=2", "PYTHONMALLOC=malloc", "OPENBLAS_NUM_THREADS=2"),
    *("MALLOC_ARENA_MAX=1", "MALLOC_TRIM_THRESHOLD_=65536", "MODEL_LOADING=eager", "MODEL_ENGINE=sklearn"),
)
COLUMNS: Final = ("cold_ms", "pss_mib", "rps_8", "batch_1000_ms")
_BASE: Final = "as it is"


class Variant(Ours):
    def __init__(self, folder: Path, *, name: str, variables: Mapping[str, str], root: Path = ROOT) -> None:
        super().__init__(folder)
        self.name, self._variables = name, variables
        self.root = self.working_folder = root

    def variables(self) -> dict[str, str]:
        return {**super().variables(), **self._variables}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablations", description=__doc__)
    add = parser.add_argument
    add("--only", metavar="NAMES", help=f"comma-separated, of: {', '.join(CHOICES)} (default: all)")
    add("--env", action="append", default=[], metavar="KEY=VALUE", help="another variable to set")
    add("--root", type=Path, action="append", default=[], help="a folder with other code, such as an older checkout")
    add("--rounds", type=int, default=5, help="default: %(default)s")
    add("--seconds", type=float, default=0.5, help="length of one measurement (default: %(default)s)")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else [] if options.env or options.root else CHOICES
    if unknown := set(names) - set(CHOICES):
        parser.error(f"nothing is called {unknown.pop()!r}; choose from {', '.join(CHOICES)}, or use --env")
    settings = {name: dict([name.split("=", 1)]) if "=" in name else {} for name in (_BASE, *names, *options.env)}
    makers = [partial(Variant, name=name, variables=variables) for name, variables in settings.items()]
    makers += [partial(Variant, name=str(root), variables={}, root=root.resolve()) for root in options.root]
    parts = ("start", "serve", "batch")
    results = measure(makers, Plan(options.rounds, options.seconds, parts, connections=(8,), batches=(1000,)))
    rows = [["over the function as it is", "cold start", "memory", "requests/s", "1,000 penguins"]]
    for name in list(results.samples)[1:]:
        rows += [[name, *(str(results.ratio(name, _BASE, quantity) or "") for quantity in COLUMNS)]]
    print(align(rows))
    return 2 if results.skipped else 0


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
