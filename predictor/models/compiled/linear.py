"""Evaluates a linear model: one multiplication and a softmax.

A run of ONNX Runtime costs the same whatever the model is, and for this project's own model that was the largest part
of a request; importing it and numpy was a fifth of a cold start (docs/explanation/performance.md). Importing this
module imports neither ONNX Runtime nor numpy: numpy is imported for the first batch.
"""

import math
import struct
from functools import cached_property, reduce
from operator import add, mul
from typing import TYPE_CHECKING, Final

from predictor.models.compiled.form import LinearForm
from predictor.models.engine import Engine
from predictor.penguin import Penguin
from predictor.schema import COMBINATIONS, MEASUREMENTS, Categories, categories_of, dummies, measurements_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from predictor.batch import PenguinColumns


_CLEAR: Final = 1e-5
"""Between two scores. The ratio of their probabilities then differs from 1 by more than float32 rounds (6e-8)."""


class LinearEngine(Engine):
    """Evaluates a `LinearForm`, in double, and rounds to float32 as the outputs of every form are.

    Measurements are not rounded to float32 first, so its answers are nearer to scikit-learn's than ONNX Runtime's are.
    The order of all sums is fixed and no BLAS is called: every processor gives the same answers.
    """

    name: Final = "compiled"
    runtime: Final = "linear"
    blocking: Final = False

    def __init__(self, form: LinearForm) -> None:
        weights = dict(zip(form.columns, form.weights, strict=True))
        unused = (0.0,) * len(form.intercepts)  # Of a measurement that the model does not use.
        by_measurement = tuple(zip(*(weights.get(name, unused) for name in MEASUREMENTS), strict=True))
        self._weights = by_measurement
        self._terms: dict[Categories, list[tuple[float, tuple[float, ...]]]] = {}
        for values in COMBINATIONS:
            constants = [weights[name] for name in dummies(values) if name in weights]
            sums = map(math.fsum, zip(form.intercepts, *constants, strict=True))
            self._terms[values] = list(zip(sums, by_measurement, strict=True))
        self._float32 = struct.Struct(f"{len(form.intercepts)}f")

    def _scores(self, penguin: Penguin) -> list[float]:
        measured = measurements_of(penguin)
        # Not `sum`, which rounds differently from Python 3.12 on: the order below is that of a batch.
        return [
            reduce(add, map(mul, weights, measured), constant)
            for constant, weights in self._terms[categories_of(penguin)]
        ]

    def class_index(self, penguin: Penguin) -> int:
        scores = self._scores(penguin)
        second, highest = sorted(scores)[-2:]
        # With the highest score by itself, its probability is the highest also as float32. So no power is needed.
        return scores.index(highest) if highest - second > _CLEAR else super().class_index(penguin)

    def probabilities(self, penguin: Penguin) -> list[float]:
        scores = self._scores(penguin)
        highest = max(scores)
        powers = [math.exp(score - highest) for score in scores]
        total = sum(powers)
        return list(self._float32.unpack(self._float32.pack(*[power / total for power in powers])))

    def batch_probabilities(self, columns: "PenguinColumns") -> "NDArray[np.float32]":
        import numpy as np

        constants, weights = self._arrays
        # A row per class, so that every step runs along the birds.
        scores = constants.take(columns.combinations, axis=1)
        for measured, weight in zip(columns.measurements.T, weights, strict=True):
            scores += weight * measured
        scores -= scores.max(axis=0)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=0)
        return np.ascontiguousarray(scores.T, dtype=np.float32)

    @cached_property
    def _arrays(self) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
        """Constants, shape (classes, combinations), and weights, shape (measurements, classes, 1)."""
        import numpy as np

        constants = [[constant for constant, _ in self._terms[values]] for values in COMBINATIONS]
        weights = np.array(self._weights, dtype=np.float64).T
        return np.ascontiguousarray(np.array(constants).T), np.ascontiguousarray(weights)[:, :, np.newaxis]
