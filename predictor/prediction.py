"""Values handed back: what the model predicts for one penguin or for a batch, and which model it was.

Plain frozen values. `predictor.answers` and `predictor.events` turn them into bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeGuard

from predictor.errors import RowFailure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EngineName = Literal["onnx", "sklearn"]
EngineChoice = Literal["auto", EngineName]
"""`auto` is ONNX where the model has that form, else scikit-learn."""

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


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one penguin.

    `probabilities` has one entry per class of the model, in the model's order, and sums to 1.
    """

    prediction: str
    probability: float
    probabilities: Mapping[str, float]
    model: ModelIdentity


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

    def __len__(self) -> int:
        return len(self.probabilities) + len(self.errors)

    def __iter__(self) -> Iterator[Prediction | RowFailure]:
        """The answer for each row, in order."""
        valid = iter(self.probabilities.tolist())
        for index in range(len(self)):
            error = self.errors.get(index)
            yield prediction(self.model, self.classes, next(valid)) if error is None else error


def prediction(model: ModelIdentity, classes: tuple[str, ...], probabilities: list[float]) -> Prediction:
    """The most probable class, and what speaks for each."""
    probability = max(probabilities)
    named = dict(zip(classes, probabilities, strict=True))
    return Prediction(classes[probabilities.index(probability)], probability, named, model)
