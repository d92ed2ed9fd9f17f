"""What an engine is: a loaded model that turns penguins into class probabilities.

Three exist by name: `compiled`, `onnx` and `sklearn`. `compiled` has two runtimes, for linear models and for trees
(`predictor.models.compiled`). All pass one contract test suite and give the same answers.
"""

from typing import TYPE_CHECKING, Protocol

from predictor.penguin import Penguin
from predictor.prediction import EngineName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from predictor.batch import PenguinColumns


class Engine(Protocol):
    """A loaded model. Immutable, and safe to call from several threads."""

    @property
    def name(self) -> EngineName: ...

    @property
    def runtime(self) -> str:
        """What evaluates the model: `linear`, `trees`, `onnxruntime` or `scikit-learn`. For the log."""

    @property
    def blocking(self) -> bool:
        """Whether one call takes milliseconds, so that an event loop should run it in a thread."""

    def probabilities(self, penguin: Penguin) -> list[float]:
        """The class probabilities of one penguin, in the order of the manifest's classes."""

    def class_index(self, penguin: Penguin) -> int:
        """The index of the most probable class in the manifest's classes; the first one of equals."""
        probabilities = self.probabilities(penguin)
        return probabilities.index(max(probabilities))

    def batch_probabilities(self, columns: "PenguinColumns") -> "NDArray[np.floating]":
        """The same numbers for many penguins, shape (len(columns), classes), float32 or float64."""
