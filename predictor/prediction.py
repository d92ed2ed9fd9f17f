"""Values handed back: what the model predicts for one penguin or for a batch, and which model it was.

Plain frozen values. `predictor.answers` and `predictor.events` turn them into bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from predictor.errors import RowFailure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EngineName = Literal["compiled", "onnx", "sklearn"]
EngineChoice = Literal["auto", EngineName]
"""`auto` is the first of these engines that the model has a form for."""


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
    wrong with the other rows, by their place in the batch.
    """

    model: ModelIdentity
    classes: tuple[str, ...]
    probabilities: "NDArray[np.float64]"
    errors: Mapping[int, RowFailure] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.probabilities) + len(self.errors)

    def __iter__(self) -> Iterator[Prediction | RowFailure]:
        """The answer for each row, in order."""
        valid = iter(self.probabilities.tolist())
        for place in range(len(self)):
            error = self.errors.get(place)
            yield prediction(self.model, self.classes, next(valid)) if error is None else error


def prediction(model: ModelIdentity, classes: tuple[str, ...], probabilities: list[float]) -> Prediction:
    """The most probable class, and what speaks for each."""
    probability = max(probabilities)
    named = dict(zip(classes, probabilities, strict=True))
    return Prediction(classes[probabilities.index(probability)], probability, named, model)
