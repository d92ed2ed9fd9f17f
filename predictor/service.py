"""The use case: penguins in, predictions out. HTTP, events, files and the command line all call these functions.

Entry points hold a `ModelCache`, ask it for the model, and pass the model in.
"""

from typing import TYPE_CHECKING

from predictor.models import LoadedModel
from predictor.penguin import Penguin
from predictor.prediction import BatchPrediction, Prediction, prediction

if TYPE_CHECKING:
    from predictor.batch import Batch


def predict_class(model: LoadedModel, penguin: Penguin) -> str:
    """The most probable class of one penguin: what most callers want, without the rest."""
    probabilities = model.engine.probabilities(penguin)
    return model.manifest.classes[probabilities.index(max(probabilities))]


def predict(model: LoadedModel, penguin: Penguin) -> Prediction:
    return prediction(model.identity, model.manifest.classes, model.engine.probabilities(penguin))


def predict_batch(model: LoadedModel, batch: "Batch") -> BatchPrediction:
    """One answer per row, in order; an invalid row keeps its error, and every row its id."""
    # Engines compute in float32 or float64, and some libraries return arrays in Fortran order.
    probabilities = model.engine.batch_probabilities(batch.columns).astype("float64", order="C", copy=False)
    return BatchPrediction(model.identity, model.manifest.classes, probabilities, batch.errors, batch.ids)
