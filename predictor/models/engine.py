"""What an engine is: verified bytes in, probabilities out.

Two exist by name, `onnx` and `sklearn`, and `onnx` has two ways to run: a linear model is evaluated in
`predictor.models.linear_engine`, any other by ONNX Runtime. All pass one contract test suite and give the same answers.
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
    def runtime(self) -> str:
        """What evaluates the model: `linear`, `onnxruntime` or `scikit-learn`. For the log."""

    @property
    def blocking(self) -> bool:
        """Whether one call takes milliseconds, so that an event loop had better hand it to a thread."""

    def rows(self, penguins: Sequence[Penguin]) -> list[list[float]]:
        """Class probabilities of each penguin, in the order of the manifest's classes. Best for few penguins."""

    def column_probabilities(self, columns: "PenguinColumns") -> "NDArray[np.floating]":
        """The same numbers as an array, shape (len(columns), number of classes), for many penguins.

        float32 or float64, as the engine computes them.
        """
