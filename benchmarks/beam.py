"""Score files with the Beam pipeline in 1 and 2 processes, and with `predict FILE`, in turn, in new processes each.

A generated table, in which 1 % of the rows are bad, lies in a folder. The time that a runner takes for one row is
subtracted, since it does not grow with the rows: imports, starting workers, loading the model. Exit status 1: two
processes are less than 1.7 times as fast as one, or one process has less than 0.7 of the rate of `predict FILE`.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from subprocess import DEVNULL, run
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.event_files import make_csv
from benchmarks.paths import MODELS, ROOT

BEAM_PYTHON: Final = ROOT / ".venv-beam/bin/python"
MIN_SPEED_UP: Final = 1.7
MIN_SHARE: Final = 0.7


def _seconds(command: Sequence[str | Path]) -> float:
    started = time.perf_counter()
    # 1: some rows are invalid, which is wanted.
    if run(command, cwd=ROOT, stdout=DEVNULL, stderr=DEVNULL, check=False).returncode not in (0, 1):
        raise SystemExit(f"failed: {' '.join(map(str, command))}")
    return time.perf_counter() - started


def measure(table: Path, model: Path, python: Path, folder: Path) -> dict[str, float]:
    """Seconds of each contender for one table."""
    beam: list[str | Path] = [python, "-m", "predictor.beam", "--input", table, "--uri", model]
    took = {"predict FILE": _seconds([sys.executable, "-m", "predictor", "predict", table, "--uri", model])}
    for workers in (1, 2):
        output = folder / f"{table.stem}-{workers}-{time.monotonic_ns()}"
        took[f"Beam, {workers}"] = _seconds([*beam, "--output", output, "--workers", str(workers)])
        if not (output / "summary.json").is_file():
            raise SystemExit(f"Beam with {workers} workers did not finish")
    return took


def main() -> int:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks.beam", description=__doc__, formatter_class=formatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000], help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--python", type=Path, default=BEAM_PYTHON, help="of the environment with Beam")
    parser.add_argument("--model", type=Path, help="default: the newest below artifacts/")
    options = parser.parse_args()
    model = options.model or max(MODELS.glob("*/manifest.json")).parent
    passed = True
    with TemporaryDirectory() as name:
        folder = Path(name)
        (one_row := folder / "one.csv").write_bytes(make_csv(1))
        for rows in options.rows:
            (table := folder / f"{rows}.csv").write_bytes(make_csv(rows))
            rates: dict[str, list[float]] = {}
            for _ in range(options.rounds):
                starting = measure(one_row, model, options.python, folder)
                for contender, took in measure(table, model, options.python, folder).items():
                    rates.setdefault(contender, []).append(rows / (took - starting[contender]))
            alone, one, two = (median(rates[contender]) for contender in ("predict FILE", "Beam, 1", "Beam, 2"))
            print(
                f"{rows:,} rows: predict FILE {alone:,.0f} rows/s, Beam {one:,.0f} with 1 process ({one / alone:.2f} of"
                f" it) and {two:,.0f} with 2 ({two / one:.2f} times as many)"
            )
            passed &= one >= MIN_SHARE * alone and two >= MIN_SPEED_UP * one
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
