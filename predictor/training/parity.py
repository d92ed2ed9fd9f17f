"""Check that both forms of a model give the same answers; otherwise it is not published.

Compared are the engines that serve, and ONNX Runtime where it is not what evaluates `model.onnx`: on the whole data
set, on 10,000 random penguins over everything that the service accepts, and on 10,000 more within the measurements of
the data set, since of the first ones only one in two thousand lies where classes meet.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import joblib
import numpy as np

from predictor.artifacts import COLUMNS_FILE, GOLDEN_FILE, LABEL_ENCODER_FILE, MODEL_FILE, ONNX_FILE, Bundle
from predictor.batch import PenguinColumns
from predictor.errors import ParityMismatch, PublishRefused
from predictor.models import Golden, build_engine
from predictor.models.onnx_engine import OnnxEngine
from predictor.penguin import Penguin
from predictor.schema import RANGES
from predictor.training.fitted_model import FittedModel
from predictor.training.random_penguins import Ranges, random_columns, ranges_of, to_penguins

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMIT: Final = 1e-5
"""Largest difference of one probability."""
RANDOM_PENGUINS: Final = 10_000
_SEED: Final = 20200720


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of the comparison: penguins compared, and the largest difference (None where there is one form)."""

    penguins: int
    difference: float | None


def prove(bundle: Bundle, penguins: Sequence[Penguin]) -> Proof:
    """Check that a bundle's engines give the golden answers, the same answers, and those of `predict()`.

    `penguins` are the real birds; random ones are added. `bundle` holds all files that its manifest lists. Opens the
    bundle's pickles. Raises `GoldenMismatch`, `ParityMismatch`, `UnloadableModel`, or `PublishRefused` when the class
    that `predict` gives is not the most probable one.
    """
    manifest = bundle.manifest
    reference = build_engine("sklearn", bundle)
    golden = Golden.from_bytes(bundle[GOLDEN_FILE])
    golden.check(reference, manifest.classes, batches=True)
    everyone = [*penguins, *random_penguins(RANGES), *random_penguins(ranges_of(penguins), decimals=1)]
    columns = PenguinColumns.of(everyone)
    expected = reference.batch_probabilities(columns)
    _check_predict(bundle, everyone, expected)
    if ONNX_FILE not in manifest.file_names:
        return Proof(len(everyone), None)
    difference = 0.0
    engines = [build_engine("onnx", bundle)]
    if engines[0].runtime != "onnxruntime":
        engines.append(OnnxEngine(bundle[ONNX_FILE], manifest))  # The reference for what a graph means.
    for engine in engines:
        actual = engine.batch_probabilities(columns)
        difference = max(difference, _compare(expected, actual, everyone))
        _check_same_class(expected[: len(penguins)], actual[: len(penguins)])
        golden.check(engine, manifest.classes, batches=True)
    return Proof(len(everyone), difference)


def random_penguins(ranges: Ranges, count: int = RANDOM_PENGUINS, decimals: int | None = None) -> list[Penguin]:
    """The same `count` penguins at every call, uniform over `ranges` and all combinations of categories."""
    return to_penguins(random_columns(np.random.default_rng(_SEED), ranges, count, decimals))


def _compare(expected: "NDArray[np.floating]", actual: "NDArray[np.floating]", penguins: Sequence[Penguin]) -> float:
    """The largest difference; raises `ParityMismatch` naming the bird where it is over the limit."""
    if expected.shape != actual.shape:
        raise ParityMismatch(
            float("inf"), LIMIT, f"every penguin: {actual.shape[1]} classes, expected {expected.shape[1]}"
        )
    # NaN in either form counts as an infinite difference.
    differences = np.nan_to_num(np.abs(expected - actual), nan=np.inf).max(axis=1)
    worst = int(differences.argmax())
    difference = float(differences[worst])
    if difference > LIMIT:
        raise ParityMismatch(difference, LIMIT, penguins[worst].model_dump_json())
    return difference


def _check_predict(bundle: Bundle, penguins: Sequence[Penguin], expected: "NDArray[np.floating]") -> None:
    """`predict` of the estimator and the most probable class, which this service answers, must be the same."""
    loaded = [joblib.load(io.BytesIO(bundle[name])) for name in (MODEL_FILE, LABEL_ENCODER_FILE, COLUMNS_FILE)]
    predicted = FittedModel(loaded[0], loaded[1], tuple(loaded[2])).predict(penguins)
    index = {name: position for position, name in enumerate(bundle.manifest.classes)}
    chosen = expected[np.arange(len(penguins)), [index[name] for name in predicted]]
    # Classes that are equally probable to within the limit may fall either way.
    other = int(np.sum(~(chosen >= expected.max(axis=1) - 2 * LIMIT)))
    if other:
        raise PublishRefused(
            f"predict() and the largest of predict_proba() name different classes for {other} of {len(penguins)}"
            " penguins; this service answers the most probable class (CalibratedClassifierCV gives an estimator"
            " probabilities that agree with its answers)"
        )


def _check_same_class(expected: "NDArray[np.floating]", actual: "NDArray[np.floating]") -> None:
    """On the real birds the class must be the same even where two classes are equally probable."""
    different = int(np.sum(expected.argmax(axis=1) != actual.argmax(axis=1)))
    if different:
        raise PublishRefused(
            f"model.onnx names another class than model.pkl for {different} of {len(expected)} birds of the data set,"
            " where two classes are equally probable"
        )
