"""Check that every form of a model gives the model's own answers; otherwise the form is not published.

The reference is `predict_proba` of the estimator, called as the `sklearn` engine calls it. Every engine that a bundle
has a form for is compared with it: on the whole data set; on 10,000 random penguins over everything that the service
accepts; on 10,000 more within the measurements of the data set, since of the first ones only one in two thousand lies
where classes meet; and, for trees, on penguins whose measurements are at a threshold, just below and just above it, in
double and in float32.

`model.onnx` takes float32. Libraries that compare in double (LightGBM, HistGradientBoosting) send a measurement that
float32 rounds over a threshold the other way, so for such a model the ONNX form differs in a band of 1e-7 around each
threshold, in which measurements with two decimals do lie. It differs, so it is not published: `export` leaves the form
out, and the compiled form, which compares as the library does, serves. Publishing refuses the model only if it leaves
no form that was asked for.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import joblib
import numpy as np

from predictor.artifacts import COLUMNS_FILE, COMPILED_FILE, GOLDEN_FILE, LABEL_ENCODER_FILE, MODEL_FILE, Bundle
from predictor.batch import PenguinColumns
from predictor.errors import ParityMismatch, PublishRefused
from predictor.models import FILES, Engine, Golden, build_engine
from predictor.models.compiled import TreesForm, form_from_bytes
from predictor.penguin import Penguin
from predictor.schema import COMBINATIONS, MEASUREMENTS, RANGES, make_penguin
from predictor.training.fitted_model import FittedModel
from predictor.training.random_penguins import Ranges, random_columns, ranges_of, to_penguins

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMIT: Final = 1e-5
"""Largest difference of one probability."""
RANDOM_PENGUINS: Final = 10_000
_AT_A_THRESHOLD: Final = 4
"""So many penguins are put at each threshold, in turn of the data set and of the random ones."""
_SEED: Final = 20200720

Thresholds = Mapping[str, Sequence[float]]
"""Where a model's answers jump, per measurement."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of the comparison: penguins compared, and the largest difference (None where there is one form)."""

    penguins: int
    difference: float | None


class Reference:
    """What a model itself answers, and the penguins that its forms are compared on."""

    def __init__(self, bundle: Bundle, penguins: Sequence[Penguin], thresholds: Thresholds | None = None) -> None:
        """Opens the bundle's pickles, and checks them against its golden rows and against `predict()`.

        `penguins` are the real birds; others are added. Raises what `prove` raises.
        """
        self._manifest = bundle.manifest
        self._golden = Golden.from_bytes(bundle[GOLDEN_FILE])
        engine = build_engine("sklearn", bundle)
        self._golden.check(engine, bundle.manifest.classes, batches=True)
        everyone = [*penguins, *random_penguins(RANGES), *random_penguins(ranges_of(penguins), decimals=1)]
        self._real = len(penguins)
        self._columns = _and_at_thresholds(PenguinColumns.of(everyone), thresholds or {})
        self._expected = engine.batch_probabilities(self._columns)
        _check_predict(bundle, everyone, self._expected[: len(everyone)])

    def __len__(self) -> int:
        return len(self._columns)

    def check(self, engine: Engine) -> float:
        """The largest difference of an engine's answers. Raises what `prove` raises."""
        actual = engine.batch_probabilities(self._columns)
        file = FILES[engine.name][0]
        difference = self._compare(actual, file)
        _check_same_class(self._expected[: self._real], actual[: self._real], file)
        self._golden.check(engine, self._manifest.classes, batches=True)
        return difference

    def _compare(self, actual: "NDArray[np.floating]", file: str) -> float:
        """The largest difference; raises `ParityMismatch` naming the bird where it is over the limit."""
        expected = self._expected
        if expected.shape != actual.shape:
            raise ParityMismatch(
                float("inf"), LIMIT, f"every penguin: {actual.shape[1]} classes, expected {expected.shape[1]}", file
            )
        # NaN in either form counts as an infinite difference.
        differences = np.nan_to_num(np.abs(expected - actual), nan=np.inf).max(axis=1)
        worst = int(differences.argmax())
        difference = float(differences[worst])
        if difference > LIMIT:
            values, place = self._columns.measurements[worst].tolist(), int(self._columns.combinations[worst])
            raise ParityMismatch(difference, LIMIT, make_penguin(values, COMBINATIONS[place]).model_dump_json(), file)
        return difference


def prove(bundle: Bundle, penguins: Sequence[Penguin]) -> Proof:
    """Check that a bundle's engines give the golden answers, the same answers, and those of `predict()`.

    `penguins` are the real birds; others are added. `bundle` holds all files that its manifest lists. Opens the
    bundle's pickles. Raises `GoldenMismatch`, `ParityMismatch`, `UnloadableModel`, or `PublishRefused` when the class
    that `predict` gives is not the most probable one.
    """
    reference = Reference(bundle, penguins, thresholds_of(bundle))
    names = [name for name, files in FILES.items() if name != "sklearn" and bundle.files.keys() >= set(files)]
    differences = [reference.check(build_engine(name, bundle)) for name in names]
    return Proof(len(reference), max(differences, default=None))


def thresholds_of(bundle: Bundle) -> Thresholds:
    """The thresholds of the bundle's compiled trees; none where it has none."""
    if COMPILED_FILE not in bundle.files:
        return {}
    form = form_from_bytes(bundle[COMPILED_FILE], bundle.manifest.columns, len(bundle.manifest.classes))
    return {column.column: column.thresholds for column in form.columns} if isinstance(form, TreesForm) else {}


def _and_at_thresholds(columns: PenguinColumns, thresholds: Thresholds) -> PenguinColumns:
    """Adds penguins that are like those of `columns`, but for one measurement at, below or above a threshold."""
    generator = np.random.default_rng(_SEED)
    measurements, combinations = [columns.measurements], [columns.combinations]
    for place, name in enumerate(MEASUREMENTS):
        values = np.array([value for value in _near(thresholds.get(name, ())) if _accepted(name, value)])
        copies = generator.integers(len(columns), size=len(values) * _AT_A_THRESHOLD)
        copied = columns.measurements[copies]
        copied[:, place] = np.repeat(values, _AT_A_THRESHOLD)
        measurements.append(copied)
        combinations.append(columns.combinations[copies])
    return PenguinColumns(np.concatenate(measurements), np.concatenate(combinations))


def _near(thresholds: Iterable[float]) -> list[float]:
    """Each threshold and its neighbours, in double and in float32."""
    values: set[float] = set()
    for threshold in thresholds:
        single = np.float32(threshold)
        for number in (np.float64(threshold), single, np.float64(single)):
            ends = (number.dtype.type(-np.inf), number.dtype.type(np.inf))
            values.update((float(number), *(float(np.nextafter(number, end)) for end in ends)))
    return sorted(values)


def _accepted(name: str, value: float) -> bool:
    """Whether the service accepts this value of a measurement."""
    low, high = RANGES[name]
    return low <= value <= high


def random_penguins(ranges: Ranges, count: int = RANDOM_PENGUINS, decimals: int | None = None) -> list[Penguin]:
    """The same `count` penguins at every call, uniform over `ranges` and all combinations of categories."""
    return to_penguins(random_columns(np.random.default_rng(_SEED), ranges, count, decimals))


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


def _check_same_class(expected: "NDArray[np.floating]", actual: "NDArray[np.floating]", file: str) -> None:
    """On the real birds the class must be the same even where two classes are equally probable."""
    different = int(np.sum(expected.argmax(axis=1) != actual.argmax(axis=1)))
    if different:
        raise PublishRefused(
            f"{file} names another class than model.pkl for {different} of {len(expected)} birds of the data set,"
            " where two classes are equally probable"
        )
