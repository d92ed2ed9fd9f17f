"""What an engine is: verified bytes in, probabilities out.

Two exist, `onnx` and `sklearn`; both pass one contract test suite and give the same answers.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from predictor.penguin import Penguin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from predictor.models.columns import PenguinColumns

EngineName = Literal["onnx", "sklearn"]
EngineChoice = Literal["auto", EngineName]
"""`auto` is ONNX where the model has that form, else scikit-learn."""


class Engine(Protocol):
    """A loaded model. Immutable, and safe to call from several threads."""

    @property
    def name(self) -> EngineName: ...

    @property
    def blocking(self) -> bool:
        """Whether one call takes milliseconds, so that an event loop had better hand it to a thread."""

    def probabilities(self, penguins: Sequence[Penguin]) -> "NDArray[np.floating]":
        """Class probabilities, shape (len(penguins), number of classes), in the order of the manifest's classes.

        float32 or float64, as the engine computes them.
        """

    def column_probabilities(self, columns: "PenguinColumns") -> "NDArray[np.floating]":
        """As `probabilities`, for penguins that are there column by column."""
