"""Score a large CSV file from a bucket with this function, and with pandas and scikit-learn, in one run.

A generated CSV, in which 1 % of the rows are bad, lies in fake-gcs-server. Each contender reads it and writes one JSON
line per row back, in a new process; a round runs all of them. Imports and loading the model do not count. The exit
status is 1 when pandas with validation takes less than 1.5 times our time, or when we need 300 MiB of memory.

The pandas contenders read the file in chunks, predict with the published model.pkl, and differ in their validation:
"validated" finds every violation of every row with masks of whole columns, "+ pydantic" gives each row to the project's
own pydantic model, and "not validated" only leaves out the rows that scikit-learn would refuse.
"""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.paths import MODELS
from benchmarks.results import Results
from benchmarks.sample_penguins import CATEGORIES, FEATURES, MEASUREMENTS, RANGES

if TYPE_CHECKING:  # The measured processes import only what they need.
    import pandas as pd

BAD_SHARE: Final = 0.01
MIN_RATIO: Final = 1.5
MAX_MEMORY_MIB: Final = 300
CHUNK_ROWS: Final = 50_000
OURS: Final = "this project"
RIVAL: Final = "pandas, validated"

# Typical penguins: bill length and depth, flipper length, body mass, island.
_TYPICAL: Final = (
    (38.8, 18.3, 190.0, 3700.0, "Torgersen"),
    (48.8, 18.4, 196.0, 3730.0, "Dream"),
    (47.5, 15.0, 217.0, 5080.0, "Biscoe"),
)
_BAD_CELLS: Final = ("NA", "", "-1", "unknown", "1e9")

Validate = Callable[["pd.DataFrame", "pd.DataFrame"], "pd.Series[Any]"]
"""From cells as they were read, and with measurements as numbers, to what is wrong with each row, empty if nothing."""


def make_csv(rows: int, seed: int = 1) -> bytes:
    """Penguins written as in the original data set: one decimal, whole numbers without a point."""
    rng = random.Random(seed)
    lines = ["species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year"]
    for _ in range(rows):
        *measures, island = rng.choice(_TYPICAL)
        length, depth, flipper, mass = (value * rng.gauss(1, 0.05) for value in measures)
        cells = [island, f"{length:.1f}", f"{depth:.1f}", f"{flipper:.0f}", str(round(mass / 25) * 25)]
        cells.append(rng.choice(("male", "female")))
        if rng.random() < BAD_SHARE:
            cells[rng.randrange(len(cells))] = rng.choice(_BAD_CELLS)
        lines.append(",".join(("", *cells, str(rng.choice((2007, 2008, 2009))))))
    return ("\n".join(lines) + "\n").encode()


def _by_columns(read: "pd.DataFrame", typed: "pd.DataFrame") -> "pd.Series[Any]":
    import pandas as pd

    errors = pd.Series("", index=read.index, dtype=object)
    for name in FEATURES:
        if name in RANGES:
            wrong = ~typed[name].between(*RANGES[name])
            rule = "Must be a number from {:g} to {:g}".format(*RANGES[name])
        else:
            wrong = ~read[name].isin(CATEGORIES[name])
            rule = f"Must be one of {', '.join(CATEGORIES[name])}"
        if wrong.any():
            missing = read[name].isna()
            errors[wrong & ~missing] += f"{name}: {rule}; "
            errors[missing] += f"{name}: Is required; "
    return errors


def _by_pydantic(read: "pd.DataFrame", typed: "pd.DataFrame") -> "pd.Series[Any]":
    import pandas as pd
    from pydantic import ValidationError

    from predictor.penguin import Penguin

    errors = []
    for row in typed.astype(object).where(typed.notna(), None).to_dict("records"):
        try:
            Penguin.model_validate(row)
            errors.append("")
        except ValidationError as error:
            errors.append("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors(include_url=False)))
    return pd.Series(errors, index=read.index, dtype=object)


def _not_at_all(_read: "pd.DataFrame", typed: "pd.DataFrame") -> "pd.Series[Any]":
    return typed.isna().any(axis=1).map({True: "incomplete", False: ""}).astype(object)


PANDAS: Final[dict[str, Validate]] = {
    RIVAL: _by_columns,
    "pandas + pydantic": _by_pydantic,
    "pandas, not validated": _not_at_all,
}


def _prepare_ours(generation: int) -> Callable[[], tuple[int, str]]:
    """Load everything, as the function has before a message comes, and return what scores the file.

    That returns the number of rejected rows and the name of the object that it wrote.
    """
    from predictor.bootstrap import build
    from predictor.events import BucketScorer
    from predictor.events.notifications import SCORED_SUFFIX
    from predictor.gcs import new_client
    from predictor.settings import Settings

    model = build(Settings.from_env({})).models.get_blocking()
    scorer = BucketScorer("results", max_bytes=10**9, max_rows=10**8, client=new_client())
    result = f"penguins.csv{SCORED_SUFFIX}"
    return lambda: (scorer.score(model, "uploads", "penguins.csv", generation).rejected_rows, result)


def _prepare_pandas(validate: Validate) -> Callable[[], tuple[int, str]]:
    """As `_prepare_ours`. Each row is written with the facts that our own line has."""
    import joblib
    import numpy as np
    import pandas as pd

    from predictor.artifacts import Manifest
    from predictor.digest import digest_of
    from predictor.gcs import new_client

    folder = max(path.parent for path in MODELS.glob("*/manifest.json"))
    estimator, encoder, columns = (joblib.load(folder / f"{n}.pkl") for n in ("model", "label_encoder", "columns"))
    manifest = (folder / "manifest.json").read_bytes()
    version, digest = Manifest.from_bytes(manifest, None).version, digest_of(manifest)
    classes = np.asarray(encoder.inverse_transform(estimator.classes_))
    client = new_client()

    def answer(read: "pd.DataFrame") -> "pd.DataFrame":
        typed = read[list(FEATURES)].copy()
        for name in MEASUREMENTS:
            typed[name] = pd.to_numeric(read[name], errors="coerce")
        errors = validate(read, typed)
        good = typed[errors == ""]
        encoded = pd.get_dummies(good, columns=list(CATEGORIES)).reindex(columns=list(columns), fill_value=0)
        probabilities = estimator.predict_proba(encoded)
        answers = pd.DataFrame(probabilities, columns=[f"probability_{name}" for name in classes], index=good.index)
        answers.insert(0, "probability", probabilities.max(axis=1))
        answers.insert(0, "prediction", classes[probabilities.argmax(axis=1)])
        answers = answers.reindex(read.index)
        answers.insert(0, "row", read.index + 1)
        return answers.assign(model_version=version, model_digest=digest, error=errors)

    def score() -> tuple[int, str]:
        rejected = 0
        source = client.bucket("uploads").get_blob("penguins.csv").open("rb", chunk_size=4 << 20)
        result = client.bucket("results").blob("pandas.ndjson").open("w", chunk_size=8 << 20, encoding="utf-8")
        with source, result:
            for read in pd.read_csv(source, chunksize=CHUNK_ROWS):
                answers = answer(read)
                answers.to_json(result, orient="records", lines=True, double_precision=15)
                rejected += int((answers["error"] != "").sum())
        return rejected, "pandas.ndjson"

    return score


def measure_here(contender: str, generation: int) -> dict[str, float]:
    """Measure a contender in this process, which does nothing else."""
    from predictor.gcs import new_client

    score = _prepare_ours(generation) if contender == OURS else _prepare_pandas(PANDAS[contender])
    started, cpu_started = time.perf_counter(), time.process_time()
    rejected, result = score()
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
    written = new_client().bucket("results").get_blob(result)
    written.delete()  # Otherwise the next round would find it.
    peak_kib = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    sizes = {"peak_mib": int(peak_kib) / 1024, "written_mb": written.size / 1e6}
    return {"rejected": rejected, "seconds": seconds, "cpu_s": cpu_s, **sizes}


def measure(rows: int, rounds: int) -> Results:
    from benchmarks.contenders import run
    from tests.support.gcs import GcsServer

    data, results = make_csv(rows), Results(rounds)
    print(f"{rows:,} rows, {len(data) / 1e6:.0f} MB, {rounds} rounds", flush=True)
    server = GcsServer()
    # One thread for linear algebra, as in a function with one CPU.
    variables = {**os.environ, "STORAGE_EMULATOR_HOST": server.url, "OPENBLAS_NUM_THREADS": "1"}
    try:
        server.create_bucket("uploads")
        server.create_bucket("results")
        server.put("uploads", "penguins.csv", data)
        generation = server.client().bucket("uploads").get_blob("penguins.csv").generation
        for _ in range(rounds):
            for name in (OURS, *PANDAS):
                command = [sys.executable, "-m", "benchmarks.event_files", "--measure", name, str(generation)]
                for quantity, value in json.loads(run(command, variables).splitlines()[-1]).items():
                    results.add(name, quantity, value)
    finally:
        server.stop()
    return results


def report(results: Results, rows: int) -> int:
    from benchmarks.tables import align

    median = {name: {q: results.median(name, q) or 0.0 for q in found} for name, found in results.samples.items()}
    table = [["", "rows/CPU s", "ours is", "rows/s", "ours is", "peak MiB", "written MB"]]
    for name, found in median.items():
        speeds = [f"{rows / found['cpu_s']:,.0f}", f"{found['cpu_s'] / median[OURS]['cpu_s']:.2f}x"]
        speeds += [f"{rows / found['seconds']:,.0f}", f"{found['seconds'] / median[OURS]['seconds']:.2f}x"]
        peak_mib = max(results.values(name, "peak_mib"))
        table.append([name, *speeds, f"{peak_mib:.0f}", f"{found['written_mb']:.0f}"])
    print(align(table))
    rejected = {median[name]["rejected"] for name in (OURS, *PANDAS) if PANDAS.get(name) != _not_at_all}
    assert len(rejected) == 1, f"the contenders reject different numbers of rows: {rejected}"
    peak_mib, ratio = max(results.values(OURS, "peak_mib")), median[RIVAL]["seconds"] / median[OURS]["seconds"]
    print(f"rejected rows: {rejected.pop():,.0f}; ratio by round: {results.ratio(RIVAL, OURS, 'seconds')}")
    reached = ratio >= MIN_RATIO and peak_mib < MAX_MEMORY_MIB
    limits = f"{ratio:.2f}x (at least {MIN_RATIO}), {peak_mib:.0f} MiB (less than {MAX_MEMORY_MIB})"
    print(f"{'reached' if reached else 'MISSED'}: {limits}")
    return 0 if reached else 1


def main() -> int:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks.event_files", description=__doc__, formatter_class=formatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)  # How it starts itself for one contender.
    options = parser.parse_args()
    if options.measure:
        name, generation = options.measure
        print(json.dumps(measure_here(name, int(generation))))
        return 0
    return report(measure(options.rows, options.rounds), options.rows)


if __name__ == "__main__":
    sys.exit(main())
