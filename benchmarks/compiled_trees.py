"""`python -m benchmarks.compiled_trees`: compiled trees and ONNX Runtime, the same models and birds in one process.

Prints the time of each and their ratio, which a slow or busy machine changes less than the times. Also how long each
takes to become an engine from its file, without imports.
"""

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import LabelEncoder
from xgboost import XGBClassifier

from predictor.models.compiled import compiled_engine, form_from_bytes, form_to_bytes
from predictor.models.onnx_engine import OnnxEngine
from predictor.training.dataset import load_penguins
from predictor.training.fitted_model import ENCODED, FittedModel, encode
from predictor.training.random_penguins import random_columns, ranges_of, to_penguins

MODELS: Final[dict[str, Any]] = {
    "forest, 100 trees": RandomForestClassifier(n_estimators=100, random_state=0),
    "XGBoost, 300 trees": XGBClassifier(n_estimators=100, max_depth=3, n_jobs=1),
}
ROUNDS: Final = 15


class _Manifest:
    """As much of a manifest as an engine looks at."""

    columns = ENCODED

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes


def compare(first: Callable[[], object], second: Callable[[], object], calls: int) -> tuple[float, float, float]:
    """Microseconds per call of each, and the median ratio of neighbouring rounds."""
    times: list[tuple[float, float]] = []
    gc.disable()
    for _ in range(ROUNDS):
        pair = []
        for function in (first, second):
            begun = time.perf_counter()
            for _ in range(calls):
                function()
            pair.append((time.perf_counter() - begun) / calls * 1e6)
        times.append((pair[0], pair[1]))
    gc.enable()
    return median(a for a, _ in times), median(b for _, b in times), median(a / b for a, b in times)


def main() -> None:
    data = load_penguins()
    encoder = LabelEncoder().fit(data.labels)
    columns = random_columns(np.random.default_rng(1), ranges_of(data.penguins), 1000, decimals=1)
    penguins = to_penguins(columns)
    print(f"{'':40}{'compiled':>10}{'ONNX Runtime':>14}{'ratio':>8}")
    for name, estimator in MODELS.items():
        model = FittedModel(estimator.fit(encode(data.penguins), encoder.transform(data.labels)), encoder, ENCODED)
        written = form_to_bytes(model.compiled_form())
        graph = next(model.onnx_forms())

        def compiled(data: bytes = written, classes: int = len(model.classes)) -> Any:
            return compiled_engine(form_from_bytes(data, classes))

        def converted(graph: bytes = graph, classes: tuple[str, ...] = model.classes) -> Any:
            return OnnxEngine(graph, _Manifest(classes))  # type: ignore[arg-type]

        engines = (compiled(), converted())
        batches = [engine.batch_probabilities(columns) for engine in engines]
        one = [lambda engine=engine: [engine.probabilities(penguin) for penguin in penguins[:50]] for engine in engines]
        many = [lambda engine=engine: engine.batch_probabilities(columns) for engine in engines]
        for what, unit, birds, (first, second), calls in (
            ("one bird", "us", 50, one, 20),
            ("1,000 birds, per bird", "us", 1000, many, 5),
            ("loading", "ms", 1000, (compiled, converted), 2),
        ):
            ours, theirs, ratio = compare(first, second, calls)
            print(f"{name + ', ' + what:40}{ours / birds:>7.2f} {unit}{theirs / birds:>11.2f} {unit}{ratio:>8.2f}")
        print(f"  {len(written)} and {len(graph)} bytes; they differ by {np.abs(batches[0] - batches[1]).max():.1e}")


if __name__ == "__main__":
    main()
