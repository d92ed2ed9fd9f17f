"""Train this project's own model: fit, evaluate, export."""

from datetime import datetime

from predictor.training.dataset import Dataset
from predictor.training.export import Export, ModelSource, export, pickles_of
from predictor.training.penguin_card import trained_card
from predictor.training.penguin_evaluation import evaluate
from predictor.training.penguin_pipeline import build, fit
from predictor.training.penguin_trust import evaluate_trust
from predictor.training.reference import reference_of


def train(dataset: Dataset, created: datetime) -> Export:
    """Fit, evaluate and export the estimator of `predictor.training.penguin_pipeline`.

    The same data, code and library versions give the same digests for every file; only the manifest differs, by
    `created`. Raises `PublishRefused` when the two forms of the model do not agree.
    """
    model = fit(dataset.penguins, dataset.labels)
    evaluation, trust = evaluate(build, dataset), evaluate_trust(dataset)
    source = ModelSource(
        model=model,
        pickles=pickles_of(model),
        metrics=evaluation.metrics(),
        card=trained_card(dataset, repr(model.estimator.named_steps["classifier"]), evaluation, trust),
        reference=reference_of(model, dataset),
        training_data_sha256=dataset.sha256,
    )
    exported = export(source, dataset, created)
    if exported.not_converted is not None:
        raise exported.not_converted
    return exported
