"""The use case: penguins in, predictions out. HTTP, events, files and the command line all call these functions.

Entry points hold a `ModelCache`, ask it for the model, and pass the model in.
"""

from typing import TYPE_CHECKING, Any, Final

from predictor.errors import InvalidInput, Violation
from predictor.models import LoadedModel
from predictor.penguin import Penguin
from predictor.prediction import BatchPrediction, Prediction, prediction
from predictor.schema import FEATURES, categories_of, measurements_of

if TYPE_CHECKING:
    from predictor.batch import Batch
    from predictor.trust.traffic import Traffic

MIN_COVERAGE: Final = 0.5
"""Of prediction sets; a smaller one would be no statement."""
MAX_EXPLAINED_FEATURES: Final = 12
"""Each coalition of features is tried, and every further feature doubles their number."""


def predict_class(model: LoadedModel, penguin: Penguin) -> str:
    """The most probable class of one penguin: what most callers want, without the rest."""
    index = model.engine.class_index(penguin)
    if model.traffic is not None:
        model.traffic.add(measurements_of(penguin), categories_of(penguin), index)
    return model.manifest.classes[index]


def predict(model: LoadedModel, penguin: Penguin, coverage: float | None = None) -> Prediction:
    """The most probable class with its probability and, for a model with a reference, how far to rely on it.

    `coverage` of the prediction set; None: the reference's own.
    """
    probabilities = model.engine.probabilities(penguin)
    assessor = model.assessor()
    assessment = None
    if assessor is not None:
        measurements, categories = measurements_of(penguin), categories_of(penguin)
        assessment = assessor.assess(measurements, categories, probabilities, coverage)
        if model.traffic is not None:
            model.traffic.add(measurements, categories, probabilities.index(max(probabilities)))
    return prediction(model.identity, model.manifest.classes, probabilities, assessment)


def predict_batch(model: LoadedModel, batch: "Batch", coverage: float | None = None) -> BatchPrediction:
    """One answer per row, in order; an invalid row keeps its error, and every row its id."""
    # Engines compute in float32 or float64, and some libraries return arrays in Fortran order.
    probabilities = model.engine.batch_probabilities(batch.columns).astype("float64", order="C", copy=False)
    errors, assessment = batch.errors, None
    assessor = model.assessor()
    if assessor is not None:
        assessment = assessor.for_batches.assess(batch.columns, probabilities, coverage)
        if model.traffic is not None:
            places = probabilities.argmax(axis=1)
            model.traffic.add_batch(batch.columns, places, assessment.in_distribution, tuple(errors.values()))
        if errors:
            errors = {index: assessor.with_hints(error) for index, error in errors.items()}
    return BatchPrediction(model.identity, model.manifest.classes, probabilities, errors, batch.ids, assessment)


def explain(model: LoadedModel, penguin: Penguin, target: str) -> dict[str, Any]:
    """Why the model gives `target` its probability, as a document. Takes milliseconds; imports numpy.

    Raises `InvalidInput` where the model cannot be explained.
    """
    assessor = model.assessor()
    if assessor is None:
        raise InvalidInput([Violation("", "unknown_value", "This model has no reference, so it cannot be explained.")])
    if len(FEATURES) > MAX_EXPLAINED_FEATURES:
        message = f"Only models of at most {MAX_EXPLAINED_FEATURES} features can be explained."
        raise InvalidInput([Violation("", "unknown_value", message)])
    # A linear model scores a coalition with every reference row in no time.
    explainer = assessor.explainer(whole=model.engine.runtime == "linear")
    measurements, categories = measurements_of(penguin), categories_of(penguin)
    return explainer.explain(measurements, categories, target, model.engine.batch_probabilities).document()


def check_coverage(model: LoadedModel, coverage: float) -> None:
    """Raises `InvalidInput` unless the model has prediction sets with this coverage."""
    assessor = model.assessor()
    sets = None if assessor is None else assessor.reference.sets
    if sets is None:
        message = "This model has no prediction sets, so no coverage can be asked for."
    elif MIN_COVERAGE <= coverage <= sets.max_coverage:
        return
    else:
        message = f"The coverage must be a number from {MIN_COVERAGE:g} to {sets.max_coverage:g}."
    raise InvalidInput([Violation("", "out_of_range", message)])


def with_hints(model: LoadedModel, error: InvalidInput) -> InvalidInput:
    """The error of one penguin, with a hint at each value that would fit in another unit or field."""
    assessor = None if error.refused is None else model.assessor()
    return error if assessor is None else assessor.with_hints(error)


def count_refused(model: LoadedModel, error: InvalidInput) -> None:
    """Count one penguin that is not valid."""
    if model.traffic is not None:
        model.traffic.refuse(error)


def give_feedback(model: LoadedModel, traffic: "Traffic", penguin: Penguin, label: str) -> None:
    """Predict once more, and count the prediction beside the class that the penguin turned out to have."""
    classes = model.manifest.classes
    probabilities = model.engine.probabilities(penguin)
    predicted = classes[probabilities.index(max(probabilities))]
    assessor, covered = model.assessor(), None
    if assessor is not None:
        least, _ = assessor.smallest_probability(None)
        if least is not None:
            covered = label in assessor.members(probabilities, least, predicted)
    traffic.feedback(label, predicted, covered=covered)
