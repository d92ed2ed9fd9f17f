"""Both forms of a model give the same answers, or it is not published.

Compared are the engines that serve, and ONNX Runtime where it is not what evaluates `model.onnx`, over the whole data
set, 10,000 random penguins over everything that the service accepts, and 10,000 more among the measurements of the
training birds: uniform over the hard ranges, one bird in two thousand would fall where decisions are made.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import joblib
import numpy as np

from predictor.artifacts.bundle import Bundle
from predictor.artifacts.manifest import COLUMNS_FILE, GOLDEN_FILE, LABEL_ENCODER_FILE, MODEL_FILE, ONNX_FILE
from predictor.errors import ParityMismatch, PublishRefused
from predictor.models.columns import PenguinColumns
from predictor.models.golden import Golden
from predictor.models.loader import build_engine
from predictor.models.onnx_engine import OnnxEngine
from predictor.penguin import ISLANDS, MEASUREMENTS, RANGES, SEXES, Penguin
from predictor.training.pipeline import FittedModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMIT: Final = 1e-5
"""Largest difference of one probability."""
RANDOM_PENGUINS: Final = 10_000
_SEED: Final = 20200720


@dataclass(frozen=True, slots=True)
class Proof:
    """What a bundle was seen to do: birds compared, and the largest difference (None where there is one form only)."""

    birds: int
    difference: float | None


def prove(bundle: Bundle, penguins: Sequence[Penguin]) -> Proof:
    """Check that a bundle's engines give the golden answers, the same answers, and the predecessor's answers.

    `penguins` are the real birds; random ones are added. `bundle` holds all files that its manifest lists. Opens the
    bundle's pickles. Raises `GoldenMismatch`, `ParityMismatch`, `UnloadableModel`, or `PublishRefused` when the class
    that `predict` gives is not the most probable one.
    """
    manifest = bundle.manifest
    reference = build_engine("sklearn", bundle)
    golden = Golden.from_bytes(bundle[GOLDEN_FILE])
    golden.check(reference, manifest.classes, batches=True)
    everyone = [*penguins, *random_penguins(RANGES), *random_penguins(_ranges_of(penguins), decimals=1)]
    columns = PenguinColumns.of(everyone)
    expected = reference.column_probabilities(columns)
    _check_predict(bundle, everyone, expected)
    if ONNX_FILE not in manifest.file_names:
        return Proof(len(everyone), None)
    difference = 0.0
    engines = [build_engine("onnx", bundle)]
    if engines[0].runtime != "onnxruntime":
        engines.append(OnnxEngine(bundle[ONNX_FILE], manifest))  # The judge of what a graph says.
    for engine in engines:
        actual = engine.column_probabilities(columns)
        difference = max(difference, _compare(expected, actual, everyone))
        _check_same_class(expected[: len(penguins)], actual[: len(penguins)])
        golden.check(engine, manifest.classes, batches=True)
    return Proof(len(everyone), difference)


def random_penguins(
    ranges: dict[str, tuple[float, float]], count: int = RANDOM_PENGUINS, decimals: int | None = None
) -> list[Penguin]:
    """The same `count` penguins at every call: uniform over `ranges` (in the measurements' units), sex and island."""
    generator = np.random.default_rng(_SEED)
    columns = [generator.uniform(*ranges[name], count) for name in MEASUREMENTS]
    if decimals is not None:
        columns = [column.round(decimals) for column in columns]
    sexes = generator.integers(len(SEXES), size=count)
    islands = generator.integers(len(ISLANDS), size=count)
    return [
        Penguin(**dict(zip(MEASUREMENTS, measured, strict=True)), sex=SEXES[sex], island=ISLANDS[island])
        for *measured, sex, island in zip(*(c.tolist() for c in columns), sexes.tolist(), islands.tolist(), strict=True)
    ]


def _ranges_of(penguins: Sequence[Penguin]) -> dict[str, tuple[float, float]]:
    measured = {name: [getattr(penguin, name) for penguin in penguins] for name in MEASUREMENTS}
    return {name: (min(values), max(values)) for name, values in measured.items()}


def _compare(expected: "NDArray[np.floating]", actual: "NDArray[np.floating]", penguins: Sequence[Penguin]) -> float:
    """The largest difference; raises `ParityMismatch` naming the bird where it is over the limit."""
    if expected.shape != actual.shape:
        raise ParityMismatch(
            float("inf"), LIMIT, f"every bird: {actual.shape[1]} classes, expected {expected.shape[1]}"
        )
    # A probability that is no number in either form is as different as can be.
    differences = np.nan_to_num(np.abs(expected - actual), nan=np.inf).max(axis=1)
    worst = int(differences.argmax())
    difference = float(differences[worst])
    if difference > LIMIT:
        raise ParityMismatch(difference, LIMIT, penguins[worst].model_dump_json())
    return difference


def _check_predict(bundle: Bundle, penguins: Sequence[Penguin], expected: "NDArray[np.floating]") -> None:
    """The predecessor answered `predict`, this service the most probable class: they must be one."""
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
