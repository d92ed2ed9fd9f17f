"""Check that every form of a model gives the model's own answers; otherwise it is not published.

Every engine that a bundle has a form for is compared with the model: on the whole data set; on 10,000 random penguins
over everything that the service accepts; on 10,000 more within the measurements of the data set, since of the first
ones only one in two thousand lies where classes meet; and, for compiled trees, on penguins with a measurement at a
threshold, just below and just above it.

`model.onnx` takes float32, and a library that compares in double may send what float32 cannot tell from a threshold
either way. So this form is compared two float32 numbers below and above each threshold.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from predictor.artifacts import BIGQUERY_FILE, COMPILED_FILE, GOLDEN_FILE, Bundle
from predictor.batch import PenguinColumns, in_range
from predictor.errors import LibraryMismatch, ParityMismatch, PublishRefused
from predictor.models import Engine, Golden, build_engine, engines_of, form_files
from predictor.models.compiled import Form, TreesForm, form_from_bytes
from predictor.penguin import Penguin
from predictor.schema import MEASUREMENTS, RANGES
from predictor.training.fitted_model import PublishableModel
from predictor.training.random_penguins import Ranges, random_columns, ranges_of, to_penguins

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMIT: Final = 1e-5
"""Largest difference of one probability."""
RANDOM_PENGUINS: Final = 10_000
_AT_A_THRESHOLD: Final = 2
"""So many penguins are put at each threshold, chosen from the data set and the random ones."""
_SEED: Final = 20200720


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of the comparison: penguins compared, and the largest difference (None where there is one form)."""

    penguins: int
    difference: float | None


class Answering(Protocol):
    """What is compared: a `PublishableModel`, or an engine that stands in for it."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the probabilities."""

    def probabilities(self, penguins: Sequence[Penguin]) -> "NDArray[np.float64]":
        """Shape (len(penguins), classes)."""

    def predict(self, penguins: Sequence[Penguin]) -> list[str]:
        """One class name per penguin."""


@dataclass(frozen=True, slots=True)
class _EngineAnswers:
    """An engine as the model that others are compared with."""

    engine: Engine
    classes: tuple[str, ...]

    def probabilities(self, penguins: Sequence[Penguin]) -> "NDArray[np.float64]":
        return np.asarray(self.engine.batch_probabilities(PenguinColumns.of(penguins)), dtype=np.float64)

    def predict(self, penguins: Sequence[Penguin]) -> list[str]:
        return [self.classes[index] for index in self.probabilities(penguins).argmax(axis=1)]


class ExpectedAnswers:
    """What a model itself answers, and the penguins that its forms are compared on."""

    def __init__(self, model: Answering, golden: Golden, penguins: Sequence[Penguin], form: Form | None = None) -> None:
        """`penguins` are the real birds; others are added, also at the thresholds of `form`.

        Raises `PublishRefused` when the class that `predict` gives is not the most probable one.
        """
        self._golden, self._classes = golden, model.classes
        self._real = len(penguins)
        everyone = [*penguins, *random_penguins(RANGES), *random_penguins(ranges_of(penguins), decimals=1)]
        columns = PenguinColumns.of(everyone)
        self._everyone = _Compared(columns, model.probabilities(everyone))
        _check_predict(model, everyone, self._everyone.expected)
        self._near = _compared(model, _at_thresholds(columns, form, _neighbours))
        self._near_float32 = _compared(model, _at_thresholds(columns, form, _float32_neighbours))

    def __len__(self) -> int:
        return len(self._everyone.columns) + len(self._near.columns)

    def check(self, engine: Engine, file: str, *, thresholds: bool = True) -> float:
        """The largest difference of an engine's answers, whose form is in `file`. Raises what `prove` raises."""
        actual = engine.batch_probabilities(self._everyone.columns)
        difference = self._everyone.compare(actual, file)
        if thresholds:
            near = self._near_float32 if engine.name == "onnx" else self._near
            difference = max(difference, near.compare(engine.batch_probabilities(near.columns), file))
        _check_same_class(self._everyone.expected[: self._real], actual[: self._real], file)
        self._golden.check(engine, self._classes, batches=True)
        return difference


@dataclass(frozen=True, slots=True)
class _Compared:
    """Penguins, and the model's own answers for them."""

    columns: PenguinColumns
    expected: "NDArray[np.floating]"

    def compare(self, actual: "NDArray[np.floating]", file: str) -> float:
        """The largest difference; raises `ParityMismatch` naming the bird where it is over the limit."""
        if not len(self.columns):
            return 0.0
        if self.expected.shape != actual.shape:
            expected = self.expected.shape[1]
            raise ParityMismatch(
                float("inf"), LIMIT, f"every penguin: {actual.shape[1]} classes, expected {expected}", file
            )
        # NaN in either form counts as an infinite difference.
        differences = np.nan_to_num(np.abs(self.expected - actual), nan=np.inf).max(axis=1)
        worst = int(differences.argmax())
        difference = float(differences[worst])
        if difference > LIMIT:
            one = PenguinColumns(self.columns.measurements[[worst]], self.columns.combinations[[worst]])
            raise ParityMismatch(difference, LIMIT, to_penguins(one)[0].model_dump_json(), file)
        return difference


def prove(bundle: Bundle, model: PublishableModel, penguins: Sequence[Penguin]) -> Proof:
    """Check that a bundle's engines give the golden answers and the answers of `model`, which it was made from.

    `penguins` are the real birds; others are added. `bundle` holds all files that its manifest lists. Opens the
    bundle's pickles, where they can be opened here. Raises `GoldenMismatch`, `ParityMismatch`, `UnloadableModel`, or
    `PublishRefused` when the class that `predict` gives is not the most probable one.
    """
    return _prove(bundle, model, penguins, _engines(bundle), _form(bundle))


def prove_forms(bundle: Bundle, penguins: Sequence[Penguin]) -> Proof:
    """The same for a bundle whose model is not at hand: its forms must agree with one another.

    The pickle is the measure where it can be opened here, else the ONNX form. That one rounds to float32, so it says
    nothing about penguins at a threshold.
    """
    engines = list(_engines(bundle))
    if not engines:
        raise PublishRefused(f"the model {bundle.manifest.version} has no form that can be served")
    measure, _ = engines[-1]  # They come fastest first, the pickle last.
    model = _EngineAnswers(measure, bundle.manifest.classes)
    proof = _prove(bundle, model, penguins, engines, _form(bundle) if measure.name == "sklearn" else None)
    return proof if len(engines) > 1 else Proof(proof.penguins, None)


def _prove(
    bundle: Bundle,
    model: Answering,
    penguins: Sequence[Penguin],
    engines: Iterable[tuple[Engine, str]],
    form: Form | None,
) -> Proof:
    expected = ExpectedAnswers(model, Golden.from_bytes(bundle[GOLDEN_FILE]), penguins, form)
    difference: float | None = None
    for engine, file in engines:
        worst = expected.check(engine, file)
        if engine.name != "sklearn":
            difference = max(difference or 0.0, worst)
    if BIGQUERY_FILE in bundle.files:
        from predictor.training.bigquery_form import BigQueryGraph  # The environments of old models lack ONNX Runtime.

        worst = expected.check(BigQueryGraph(bundle[BIGQUERY_FILE]), BIGQUERY_FILE)
        difference = max(difference or 0.0, worst)
    return Proof(len(expected), difference)


def _form(bundle: Bundle) -> Form | None:
    if COMPILED_FILE not in bundle.files:
        return None
    return form_from_bytes(bundle[COMPILED_FILE], len(bundle.manifest.classes))


def _engines(bundle: Bundle) -> Iterator[tuple[Engine, str]]:
    """Everything that can serve the bundle, each with the file of its form."""
    names = engines_of(bundle.manifest)
    for name in names:
        try:
            yield build_engine(name, bundle), form_files(name, bundle.manifest)[0]
        except LibraryMismatch:
            # Made with other versions: another form serves it, and `model` has answered with the right ones.
            if names == ["sklearn"]:
                raise


def random_penguins(ranges: Ranges, count: int = RANDOM_PENGUINS, decimals: int | None = None) -> list[Penguin]:
    """The same `count` penguins at every call, uniform over `ranges` and all combinations of categories."""
    return to_penguins(random_columns(np.random.default_rng(_SEED), ranges, count, decimals))


def _compared(model: Answering, columns: PenguinColumns) -> _Compared:
    if not len(columns):
        return _Compared(columns, np.empty((0, len(model.classes))))
    return _Compared(columns, model.probabilities(to_penguins(columns)))


def _at_thresholds(
    columns: PenguinColumns, form: Form | None, around: Callable[[float], Iterable[float]]
) -> PenguinColumns:
    """Penguins that are like those of `columns`, but for one measurement `around` a threshold of `form`."""
    generator = np.random.default_rng(_SEED)
    found: dict[str, tuple[float, ...]] = {}
    if isinstance(form, TreesForm):
        found = {column.column: column.thresholds for column in form.columns}
    measurements = [np.empty((0, len(MEASUREMENTS)))]
    combinations = [np.empty(0, dtype=np.intp)]
    for index, name in enumerate(MEASUREMENTS):
        near = {value for threshold in found.get(name, ()) for value in around(threshold)}
        values = np.repeat(sorted(near), _AT_A_THRESHOLD)
        copies = generator.integers(len(columns), size=len(values))
        copied = columns.measurements[copies]
        copied[:, index] = values
        measurements.append(copied)
        combinations.append(columns.combinations[copies])
    everyone = np.concatenate(measurements)
    accepted = in_range(everyone)
    return PenguinColumns(everyone[accepted], np.concatenate(combinations)[accepted])


def _neighbours(threshold: float) -> Iterator[float]:
    """The threshold and the numbers below and above it, in double and in float32."""
    single = np.float32(threshold)
    yield from (threshold, float(single))
    for end in (-np.inf, np.inf):
        yield from (float(np.nextafter(threshold, end)), float(np.nextafter(single, np.float32(end))))


def _float32_neighbours(threshold: float) -> Iterator[float]:
    for end in (np.float32(-np.inf), np.float32(np.inf)):
        yield float(np.nextafter(np.nextafter(np.float32(threshold), end), end))


def _check_predict(model: Answering, penguins: Sequence[Penguin], expected: "NDArray[np.floating]") -> None:
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


def _check_same_class(expected: "NDArray[np.floating]", actual: "NDArray[np.floating]", file: str) -> None:
    """On the real birds the class must be the same even where two classes are equally probable."""
    different = int(np.sum(expected.argmax(axis=1) != actual.argmax(axis=1)))
    if different:
        raise PublishRefused(
            f"{file} gives another class than the model for {different} of the {len(expected)} labelled"
            " rows, where two classes are equally probable"
        )
