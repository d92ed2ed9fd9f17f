"""`python -m benchmarks.compiled_trees`: compiled trees and ONNX Runtime, the same models and birds in one process.

Prints the CPU time of each and their ratio; also of becoming an engine from its file, without imports.
"""

from typing import Any, Final

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import LabelEncoder
from xgboost import XGBClassifier

from benchmarks.timing import compare
from predictor.models.compiled import compiled_engine, form_from_bytes, form_to_bytes
from predictor.models.onnx_engine import OnnxEngine
from predictor.training.dataset import load_penguins
from predictor.training.fitted_model import ENCODED, FittedModel, encode
from predictor.training.random_penguins import random_columns, ranges_of, to_penguins

MODELS: Final[dict[str, Any]] = {
    "forest, 100 trees": RandomForestClassifier(n_estimators=100, random_state=0),
    "XGBoost, 300 trees": XGBClassifier(n_estimators=100, max_depth=3, n_jobs=1),
}


class _Manifest:
    """As much of a manifest as an engine looks at."""

    columns = ENCODED

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes


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
        for what, unit, birds, (first, second) in (
            ("one bird", "us", 50, one),
            ("1,000 birds, per bird", "us", 1000, many),
            ("loading", "ms", 1000, (compiled, converted)),
        ):
            found = compare(first, second)
            ours, theirs = found.one_us / birds, found.other_us / birds
            print(f"{name + ', ' + what:40}{ours:>7.2f} {unit}{theirs:>11.2f} {unit}{found.ratio.median:>8.2f}")
        print(f"  {len(written)} and {len(graph)} bytes; they differ by {np.abs(batches[0] - batches[1]).max():.1e}")


if __name__ == "__main__":
    main()
