"""The use case: penguins in, predictions out. HTTP, events and the command line all call this."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from predictor.artifacts.cache import ModelCache
from predictor.models.loader import LoadedModel
from predictor.penguin import Penguin
from predictor.prediction import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from predictor.models.columns import PenguinColumns


class PredictionService:
    """Predicts with the one model that the cache holds."""

    def __init__(self, models: ModelCache[LoadedModel]) -> None:
        self.models = models

    async def model(self) -> LoadedModel:
        """The model, loaded if need be. Raises `ModelUnavailable`."""
        return self.models.current or await self.models.get()

    def model_blocking(self) -> LoadedModel:
        """As `model`, for callers without an event loop."""
        return self.models.get_blocking()


def species_of(model: LoadedModel, penguin: Penguin) -> str:
    """The most probable species of one penguin: what most callers want, without the rest."""
    (row,) = model.engine.rows((penguin,))
    return model.manifest.classes[row.index(max(row))]


def predict(model: LoadedModel, penguins: Sequence[Penguin]) -> Predictions:
    """One prediction per penguin, in order."""
    return Predictions(model.identity, model.manifest.classes, model.engine.rows(penguins))


def predict_columns(model: LoadedModel, columns: "PenguinColumns") -> "NDArray[np.float64]":
    """Probabilities of penguins that are there column by column, in the order of the model's classes.

    The same numbers as in `predict`, which turns an engine's float32 into Python's floats.
    """
    return model.engine.column_probabilities(columns).astype("float64", copy=False)
