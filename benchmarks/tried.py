"""`python -m benchmarks.tried`: what a setting of the process gives, in starts, requests and memory.

The function as it is takes turns with itself under one other environment variable (or with another root folder, an
earlier checkout say, which shows what a change to the code gave). Medians of ratios over the rounds.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks import procfs
from benchmarks.contenders import Contender
from benchmarks.contenders.ours import Ours
from benchmarks.environments import NoEnvironment
from benchmarks.flock import birds
from benchmarks.loadgen import Load, drive
from benchmarks.results import Results
from benchmarks.server import NoAnswer, Server, stop_servers_when_terminated
from benchmarks.table import spread

VARIANTS: Final[dict[str, dict[str, str]]] = {
    "the same again": {},  # What the machine's noise does to a ratio that ought to be 1.
    "PYTHONOPTIMIZE=1": {"PYTHONOPTIMIZE": "1"},
    "PYTHONOPTIMIZE=2": {"PYTHONOPTIMIZE": "2"},
    "OpenBLAS with a thread per core": {"OPENBLAS_NUM_THREADS": "2"},
    "MALLOC_ARENA_MAX=1": {"MALLOC_ARENA_MAX": "1"},
    "MALLOC_TRIM_THRESHOLD_=65536": {"MALLOC_TRIM_THRESHOLD_": "65536"},
    "PYTHONMALLOC=malloc": {"PYTHONMALLOC": "malloc"},
    "MODEL_LOADING=eager": {"MODEL_LOADING": "eager"},
    "MODEL_ENGINE=sklearn": {"MODEL_ENGINE": "sklearn"},
}
FIGURES: Final = (
    ("cold_ms", "cold start"),
    ("pss_mb", "memory"),
    ("rps_8", "requests/s"),
    ("batch_1000_ms", "1,000 birds"),
)
_BASE: Final = "as it is"


class _Variant(Ours):
    """The function with something else in its environment, or from another folder."""

    def __init__(self, folder: Path, extra: dict[str, str], root: Path | None) -> None:
        super().__init__(folder)
        self._extra = extra
        self._root = root

    def variables(self) -> dict[str, str]:
        return {**super().variables(), **self._extra}

    def working_folder(self) -> Path:
        return self._root or super().working_folder()

    def sources(self) -> list[Path]:
        return [self._root / "main.py", self._root / "predictor"] if self._root else super().sources()


def measure(variants: dict[str, tuple[dict[str, str], Path | None]], rounds: int, window_s: float) -> Results:
    """Starts alone, one after the other; then requests and batches, in turns. Raises `NoEnvironment`, `NoAnswer`."""
    results = Results(rounds, window_s)
    with tempfile.TemporaryDirectory(prefix="tried-") as work, ExitStack() as stack:
        contenders: dict[str, _Variant] = {}
        for index, (name, (extra, root)) in enumerate(variants.items()):
            folder = Path(work) / str(index)
            folder.mkdir()
            contenders[name] = contender = _Variant(folder, extra, root)
            contender.prepare()
            contender.environment.compile(contender.sources())
            _start(contender).stop()  # Uncounted: fills caches.
        for _ in range(rounds):
            for name, contender in contenders.items():
                _one_start(results, name, contender)
        servers = {name: _start(contender, stack) for name, contender in contenders.items()}
        for server in servers.values():
            server.pause()
        for _ in range(rounds):
            for name, server in servers.items():
                server.resume()
                single = drive(Load(server.port, server.contender.request(birds(1)), 8, window_s, warm_up_s=0.2))
                many = drive(Load(server.port, server.contender.request(birds(1000)), 1, window_s, warm_up_s=0.2))
                server.pause()
                results.add(name, "rps_8", single.per_second)
                results.add(name, "batch_1000_ms", many.percentile_ms(50))
    return results


def _start(contender: Contender, stack: ExitStack | None = None) -> Server:
    server = Server(contender)
    if stack is not None:
        stack.callback(server.stop)
    server.start()
    return server


def _one_start(results: Results, name: str, contender: Contender) -> None:
    server = Server(contender)
    try:
        results.add(name, "cold_ms", server.start().total_ms)
        time.sleep(0.5)
        results.add(name, "pss_mb", procfs.memory(server.pids).pss_mb)
    finally:
        server.stop()


def _print(results: Results, names: Iterable[str]) -> None:
    print(f"{'over the same without':34}" + "".join(f"{title:>24}" for _, title in FIGURES))
    for name in names:
        cells = (spread(results.ratio(name, _BASE, figure)) for figure, _ in FIGURES)
        print(f"{name:34}" + "".join(f"{cell:>24}" for cell in cells))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tried", description=__doc__)
    parser.add_argument("--only", help=f"comma-separated, of: {', '.join(VARIANTS)}")
    parser.add_argument("--root", type=Path, action="append", default=[], help="also the code in this folder")
    parser.add_argument("--env", action="append", default=[], metavar="KEY=VALUE", help="also under this variable")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args(arguments)
    names = options.only.split(",") if options.only else ([] if options.root or options.env else list(VARIANTS))
    unknown = [name for name in names if name not in VARIANTS]
    if unknown:
        print(f"no variant is called {unknown[0]}", file=sys.stderr)
        return 2
    variants: dict[str, tuple[dict[str, str], Path | None]] = {name: (VARIANTS[name], None) for name in names}
    variants |= {pair: (dict([pair.split("=", 1)]), None) for pair in options.env}
    variants |= {str(root): ({}, root.resolve()) for root in options.root}
    try:
        results = measure({_BASE: ({}, None), **variants}, options.rounds, options.seconds)
    except (NoEnvironment, NoAnswer) as error:
        print(error, file=sys.stderr)
        return 2
    _print(results, variants)
    return 0


if __name__ == "__main__":
    stop_servers_when_terminated()
    sys.exit(main())
