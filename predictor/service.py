"""The use case: penguins in, predictions out. HTTP, events and the command line all call this."""

from collections.abc import Sequence

from predictor.artifacts.cache import ModelCache
from predictor.models.loader import LoadedModel
from predictor.penguin import Penguin
from predictor.prediction import Predictions


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
    row: list[float]
    (row,) = model.engine.probabilities((penguin,)).tolist()
    return model.manifest.classes[row.index(max(row))]


def predict(model: LoadedModel, penguins: Sequence[Penguin]) -> Predictions:
    """One prediction per penguin, in order."""
    return Predictions(model.identity, model.manifest.classes, model.engine.probabilities(penguins).tolist())
