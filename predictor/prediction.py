"""Values handed back: what the model says of one penguin.

Fifth step of the flow (*probabilities -> answer*). Plain frozen values; `predictor.web.encoding` and
`predictor.events` turn them into bytes.
"""

from collections.abc import Mapping
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
