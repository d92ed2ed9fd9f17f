"""Check that both forms of a model give the same answers; otherwise it is not published.

Compared are the engines that serve, and ONNX Runtime where it is not what evaluates `model.onnx`: on the whole data
set, on 10,000 random penguins over everything that the service accepts, and on 10,000 more within the measurements of
the data set, since of the first ones only one in two thousand lies where classes meet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.artifacts import GOLDEN_FILE, ONNX_FILE, Bundle
from predictor.batch import PenguinColumns
from predictor.errors import LibraryMismatch, ParityMismatch, PublishRefused
from predictor.models import Engine, Golden, build_engine
from predictor.models.onnx_engine import OnnxEngine
from predictor.penguin import Penguin
from predictor.schema import RANGES
from predictor.training.fitted_model import PublishableModel
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


def prove(bundle: Bundle, model: PublishableModel, penguins: Sequence[Penguin]) -> Proof:
    """Check that a bundle's engines give the golden answers and the answers of `model`, which it was made from.

    `penguins` are the real birds; random ones are added. `bundle` holds all files that its manifest lists. Opens the
    bundle's pickles, where they can be opened here. Raises `GoldenMismatch`, `ParityMismatch`, `UnloadableModel`, or
    `PublishRefused` when the class that `predict` gives is not the most probable one.
    """
    everyone = _with_random(penguins)
    expected = model.probabilities(everyone)
    _check_predict(model, everyone, expected)
    return _prove_engines(bundle, list(_engines(bundle)), expected, everyone, len(penguins))


def prove_forms(bundle: Bundle, penguins: Sequence[Penguin]) -> Proof:
    """The same for a bundle whose model is not at hand: its forms must agree with one another.

    The pickle is the measure, where it can be opened here. Raises what `prove` raises, except for `predict`.
    """
    everyone = _with_random(penguins)
    engines = list(_engines(bundle))
    if not engines:
        raise PublishRefused(f"the model {bundle.manifest.version} has neither {ONNX_FILE} nor a pickle")
    *compared, measure = engines  # The pickle comes last.
    expected = measure.batch_probabilities(PenguinColumns.of(everyone))
    Golden.from_bytes(bundle[GOLDEN_FILE]).check(measure, bundle.manifest.classes, batches=True)
    return _prove_engines(bundle, compared, expected, everyone, len(penguins))


def _with_random(penguins: Sequence[Penguin]) -> list[Penguin]:
    return [*penguins, *random_penguins(RANGES), *random_penguins(ranges_of(penguins), decimals=1)]


def _prove_engines(
    bundle: Bundle, engines: Sequence[Engine], expected: "NDArray[np.floating]", everyone: Sequence[Penguin], real: int
) -> Proof:
    """Compare `engines` with the `expected` probabilities; the first `real` of the penguins are no random ones."""
    golden = Golden.from_bytes(bundle[GOLDEN_FILE])
    columns = PenguinColumns.of(everyone)
    difference: float | None = None
    for engine in engines:
        actual = engine.batch_probabilities(columns)
        worst = _compare(expected, actual, everyone)
        if engine.name != "sklearn":
            difference = max(difference or 0.0, worst)
        _check_same_class(expected[:real], actual[:real])
        golden.check(engine, bundle.manifest.classes, batches=True)
    return Proof(len(everyone), difference)


def _engines(bundle: Bundle) -> Iterator[Engine]:
    """Everything that can serve the bundle, and ONNX Runtime where it is not what evaluates `model.onnx`."""
    manifest = bundle.manifest
    if ONNX_FILE in manifest.file_names:
        engine = build_engine("onnx", bundle)
        yield engine
        if engine.runtime != "onnxruntime":
            yield OnnxEngine(bundle[ONNX_FILE], manifest)
    if manifest.estimator_file is not None:
        try:
            yield build_engine("sklearn", bundle)
        except LibraryMismatch:
            # Made with other versions: another form serves it, and `model` has answered with the right ones.
            if ONNX_FILE not in manifest.file_names:
                raise


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


def _check_predict(model: PublishableModel, penguins: Sequence[Penguin], expected: "NDArray[np.floating]") -> None:
    """`predict` of the estimator and the most probable class, which this service answers, must be the same."""
    predicted = model.predict(penguins)
    index = {name: position for position, name in enumerate(model.classes)}
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
            f"the compiled form gives another class than the model for {different} of the {len(expected)} labelled"
            " rows, where two classes are equally probable"
        )
