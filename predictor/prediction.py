"""Values handed back: what the model says of each penguin.

Fifth step of the flow (*probabilities -> answer*). Plain frozen values; `predictor.web.encoding` and
`predictor.events` turn them into bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model answered: its version and the digest of its manifest (`sha256:` + 64 hex digits)."""

    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one penguin.

    `probabilities` has one entry per class of the model, in the model's order, and sums to 1.
    How far the bird is from the training birds (`in_distribution`, `warnings`) will stand after `probabilities`.
    """

    prediction: str
    probability: float
    probabilities: Mapping[str, float]
    model: ModelIdentity


@dataclass(frozen=True, slots=True)
class Predictions:
    """The answers for several penguins, in order: column-wise, because a batch is encoded without a value per row.

    `probabilities` has one row per penguin, in the order of `classes`.
    """

    model: ModelIdentity
    classes: tuple[str, ...]
    probabilities: Sequence[Sequence[float]]

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, index: int) -> Prediction:
        row = self.probabilities[index]
        probability = max(row)
        species = self.classes[row.index(probability)]
        return Prediction(species, probability, dict(zip(self.classes, row, strict=True)), self.model)

    def __iter__(self) -> Iterator[Prediction]:
        return (self[index] for index in range(len(self)))
