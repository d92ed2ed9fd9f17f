"""Values handed back: what the model predicts for one penguin or for a batch, and which model it was.

Plain frozen values. `predictor.answers` and `predictor.events` turn them into bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeGuard

from predictor.errors import RowFailure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EngineName = Literal["compiled", "onnx", "sklearn"]
EngineChoice = Literal["auto", EngineName]
"""`auto` is the first of these engines that the model has a form for."""

ProtocolName = Literal["v1", "v2", "mlflow", "bigquery"]
"""The protocols of other services that `predict` speaks: KServe's first one, the Open Inference Protocol, ..."""

Id = str | int | float | bool | None
"""A row's own id, which comes back beside its answer; None where it has none."""
MAX_ID_CHARS: Final = 200
_EXACT: Final = 2.0**53  # Beyond it, neighbouring whole numbers are the same float.


def is_id(value: Any) -> TypeGuard[Id]:
    """Whether a parsed JSON value can come back as it is: a scalar that is neither too long nor rounded."""
    if isinstance(value, str):
        return len(value) <= MAX_ID_CHARS and (value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value))
    if isinstance(value, float):
        return -_EXACT < value < _EXACT
    return value is None or (isinstance(value, int) and -(2**63) <= value < 2**64)


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model answered: its version and the digest of its manifest (`sha256:` + 64 hex digits)."""

    version: str
    digest: str


WarningCode = Literal["unlike_training_data", "unseen_combination", "unit_slip", "low_confidence"]


@dataclass(frozen=True, slots=True)
class AnswerWarning:
    """A reason to doubt an answer: which kind, where (a JSON pointer, RFC 6901; "" for the whole), and a sentence."""

    code: WarningCode
    pointer: str
    message: str


# This and `Prediction` are made for every detailed answer, in a quarter of the time of a frozen dataclass.
class Assessment(NamedTuple):
    """How far one answer can be relied on. Without prediction sets, `prediction_set` and `coverage` are None."""

    in_distribution: bool
    p_value: float
    prediction_set: tuple[str, ...] | None
    coverage: float | None
    abstain: bool
    warnings: tuple[AnswerWarning, ...]


class Prediction(NamedTuple):
    """The answer for one penguin.

    `probabilities` has one entry per class of the model, in the model's order, and sums to 1. `assessment`: None for a
    model that was published without a reference.
    """

    prediction: str
    probability: float
    probabilities: Mapping[str, float]
    model: ModelIdentity
    assessment: Assessment | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BatchAssessment:
    """The assessments of the valid rows of a batch, column by column.

    `in_distribution`, `abstain`: bool, `p_values`: float64, all of shape (rows,). `members`: bool, shape (rows,
    classes); None without prediction sets. `warnings`: by the row's index among the valid ones. A row to abstain from
    has at least one, any other has none.
    """

    in_distribution: "NDArray[np.bool_]"
    p_values: "NDArray[np.float64]"
    members: "NDArray[np.bool_] | None"
    coverage: float | None
    abstain: "NDArray[np.bool_]"
    warnings: Mapping[int, tuple[AnswerWarning, ...]]

    def rows(self, classes: Sequence[str]) -> Iterator[Assessment]:
        """The assessment of each valid row, in order."""
        sets: list[tuple[str, ...] | None] = [None] * len(self.p_values)
        if self.members is not None:
            sets = [
                tuple(name for name, member in zip(classes, row, strict=True) if member)
                for row in self.members.tolist()
            ]
        columns = zip(self.in_distribution.tolist(), self.p_values.tolist(), sets, self.abstain.tolist(), strict=True)
        for index, (known, p_value, members, abstain) in enumerate(columns):
            yield Assessment(known, p_value, members, self.coverage, abstain, self.warnings.get(index, ()))


@dataclass(frozen=True, slots=True, eq=False)
class BatchPrediction:
    """The answers for a batch, column by column, because it is encoded without a value per row.

    `probabilities`: float64, C-contiguous, shape (valid rows, classes), in the order of `classes`. `errors`: what is
    wrong with the other rows, by their index in the batch. `ids`: of all rows in order; None where no row has one.
    """

    model: ModelIdentity
    classes: tuple[str, ...]
    probabilities: "NDArray[np.float64]"
    errors: Mapping[int, RowFailure] = field(default_factory=dict)
    ids: Sequence[Id] | None = None
    assessment: BatchAssessment | None = None

    def __len__(self) -> int:
        return len(self.probabilities) + len(self.errors)

    def __iter__(self) -> Iterator[Prediction | RowFailure]:
        """The answer for each row, in order."""
        assessments = repeat(None) if self.assessment is None else self.assessment.rows(self.classes)
        valid = zip(self.probabilities.tolist(), assessments, strict=False)
        for index in range(len(self)):
            error = self.errors.get(index)
            yield prediction(self.model, self.classes, *next(valid)) if error is None else error


def prediction(
    model: ModelIdentity, classes: tuple[str, ...], probabilities: list[float], assessment: Assessment | None = None
) -> Prediction:
    """The most probable class, and what speaks for each."""
    probability = max(probabilities)
    named = dict(zip(classes, probabilities, strict=True))
    return Prediction(classes[probabilities.index(probability)], probability, named, model, assessment)
