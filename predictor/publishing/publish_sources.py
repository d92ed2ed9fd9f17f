"""From somebody's model files to a bundle, with a line for each thing that they need to know."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from predictor.artifacts import BIGQUERY_FILE, COMPILED_FILE, ONNX_FILE, InputColumn, features_of
from predictor.errors import LibraryMismatch, ParityMismatch, PublishRefused
from predictor.models import engines_of
from predictor.penguin import NOUN_PLURAL
from predictor.publishing.environments import Tell
from predictor.publishing.source_model import Options, open_sources
from predictor.training.dataset import Dataset
from predictor.training.export import Export, ModelSource, export
from predictor.training.fitted_model import PublishableModel
from predictor.training.model_card import published_card
from predictor.training.reference import reference_of

MIN_ACCURACY: Final = 0.9
"""Share of the labelled rows that a model must classify correctly. Less usually means exchanged columns."""


def export_sources(
    paths: Sequence[Path],
    load: Callable[[Sequence[str]], Dataset],
    created: datetime,
    options: Options,
    *,
    accept_accuracy: bool,
    only_pickles: bool,
    tell: Tell,
) -> Export:
    """Open, check and compile the model in `paths`: a bundle to write. Raises `PublishRefused` with what is wrong.

    `load` gives labelled rows for a model that takes these features.
    """
    with open_sources(paths, options, tell) as model:
        if only_pickles and not model.pickles:
            raise PublishRefused("--without-onnx publishes only the pickle, and these files hold none")
        tell(f"{model.name} with the classes {', '.join(model.classes)}; columns: {_described(model.input)}")
        dataset = load(features_of(model.input))
        correct = _correct(model, dataset, accept_accuracy=accept_accuracy)
        tell(f"{correct} of {len(dataset.rows)} labelled rows right")
        metrics = {"data_set_rows": float(len(dataset.rows)), "data_set_correct": float(correct)}
        columns = [column.name for column in model.input]
        reference = reference_of(model, dataset)
        if reference.without_sets is not None:
            tell(f"no prediction sets: {reference.without_sets}")
        source = ModelSource(
            model=model,
            pickles=model.pickles,
            metrics=metrics,
            card=published_card(
                dataset, model.name, model.parameters, columns=columns, metrics=metrics, reference=reference
            ),
            reference=reference,
            training_data_sha256=None,
        )
        exported = _export(source, dataset, created, only_pickles=only_pickles, tell=tell)
    manifest = exported.bundle.manifest
    if engines_of(manifest) == ["sklearn"]:
        needed = [f"{name}=={version}" for name, version in manifest.libraries.items()]
        tell(f"the environment that serves it needs {', '.join(needed)}")
    return exported


def _described(columns: Sequence[InputColumn]) -> str:
    described = []
    for column in columns:
        meaning = column.feature if column.value is None else f"{column.feature} is {column.value}"
        described.append(column.name if column.name == meaning else f"{column.name} ({meaning})")
    return ", ".join(described)


def _correct(model: PublishableModel, dataset: Dataset, *, accept_accuracy: bool) -> int:
    """How many labelled rows the model classifies correctly. Raises `PublishRefused` when they are too few."""
    predicted = model.predict(dataset.penguins)
    correct = sum(name == row.label for name, row in zip(predicted, dataset.rows, strict=True))
    total = len(dataset.rows)
    if correct < MIN_ACCURACY * total and not accept_accuracy:
        raise PublishRefused(
            f"the model classifies only {correct} of {total} labelled {NOUN_PLURAL} correctly; are its columns and"
            " classes in the order given? If they are, publish it with --accept-accuracy"
        )
    return correct


def _export(source: ModelSource, dataset: Dataset, created: datetime, *, only_pickles: bool, tell: Tell) -> Export:
    try:
        exported = export(source, dataset, created, only_pickles=only_pickles)
    except ParityMismatch:
        tell("add --without-onnx to publish only the pickles, which the sklearn engine serves")
        raise
    except LibraryMismatch as error:
        raise PublishRefused(
            f"the {source.model.name} can be neither compiled nor converted to ONNX, and serving its pickle needs the"
            f" version that wrote it: {error}"
        ) from error
    serving = engines_of(exported.bundle.manifest)
    for file, reason in ((COMPILED_FILE, exported.not_compiled), (ONNX_FILE, exported.not_converted)):
        if reason is not None:
            if not serving:
                raise exported.not_converted or reason
            tell(f"{str(reason).rstrip('.')}; published without {file}, so the {serving[0]} engine serves it")
    if exported.not_converted is not None or exported.not_for_bigquery is not None:
        because = exported.not_for_bigquery or f"it is made of {ONNX_FILE}"
        tell(f"published without {BIGQUERY_FILE}, which BigQuery imports: {because}")
    return exported
