"""Open and check the three pickles of the replaced service: estimator, label encoder, columns.

This is the one place in the project where unverified pickles are opened: the person who publishes them vouches for
them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from predictor.artifacts import COLUMNS_FILE, LABEL_ENCODER_FILE, MODEL_FILE
from predictor.errors import PublishRefused
from predictor.penguin import NOUN, SPECIES
from predictor.schema import MEASUREMENTS
from predictor.text import first_line
from predictor.training.dataset import Dataset
from predictor.training.export import ModelSource
from predictor.training.fitted_model import ENCODED, FittedModel
from predictor.training.model_card import published_card
from predictor.training.pickles import dump, open_unverified

Tell = Callable[[str], None]
"""Takes one sentence for the person who publishes."""


def open_pickles(paths: tuple[Path, Path, Path], dataset: Dataset, tell: Tell) -> ModelSource:
    """Open model, label encoder and columns and check that they can serve. Runs whatever code is in the files.

    The first two are published byte for byte, the columns as a plain list whatever kind they were. Raises
    `PublishRefused` with the reason when something does not fit.
    """
    tell(
        f"opening {', '.join(map(str, paths))}: opening a pickle runs the code in it, and nothing has verified these"
        " files; publish only files that you trust"
    )
    contents = [_read(path) for path in paths]
    estimator, encoder, found = (open_unverified(path, data) for path, data in zip(paths, contents, strict=True))
    names = _columns(paths[2], found)
    fitted = FittedModel(estimator, encoder, names)
    _check(fitted, dataset)
    notes = [
        f"column {name!r} is unknown (known are {', '.join(ENCODED)}): it is 0 for every {NOUN}, as it was in the"
        " replaced service"
        for name in names
        if name not in ENCODED
    ]
    for note in notes:
        tell(note)
    metrics = _metrics(fitted, dataset)
    return ModelSource(
        model=fitted,
        pickles={MODEL_FILE: contents[0], LABEL_ENCODER_FILE: contents[1], COLUMNS_FILE: dump(list(names))},
        metrics=metrics,
        card=published_card(dataset, estimator, columns=names, notes=notes, metrics=metrics),
        training_data_sha256=None,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PublishRefused(f"{path} cannot be read: {error.strerror}") from error


def _columns(path: Path, found: Any) -> tuple[str, ...]:
    """A list, a tuple, an Index or an array of column names."""
    if isinstance(found, str | bytes | dict) or not hasattr(found, "__iter__"):
        raise PublishRefused(f"{path} holds a {type(found).__name__}, expected a list of column names")
    names = list(found)
    if not names or not all(isinstance(name, str) for name in names):
        raise PublishRefused(f"{path} does not hold column names, but {names[:3]}")
    if len(set(names)) != len(names):
        raise PublishRefused(f"{path} names a column twice")
    if not set(names) & set(MEASUREMENTS):
        raise PublishRefused(f"{path} names none of {', '.join(MEASUREMENTS)}: {', '.join(names[:10])}")
    return tuple(str(name) for name in names)


def _check(model: FittedModel, dataset: Dataset) -> None:
    kind = type(model.estimator).__name__
    if not callable(getattr(model.estimator, "predict_proba", None)) or not hasattr(model.estimator, "classes_"):
        raise PublishRefused(
            f"a {kind} gives no probabilities: a fitted classifier with classes_ and predict_proba is needed"
        )
    if not hasattr(model.label_encoder, "inverse_transform"):
        raise PublishRefused(f"a {type(model.label_encoder).__name__} is no label encoder: it has no inverse_transform")
    try:
        classes = model.classes
        probabilities = model.probabilities(dataset.penguins)
    except Exception as error:  # Estimators raise anything, each of them something else.
        raise PublishRefused(
            f"the {kind}, the label encoder and the columns do not fit together: {first_line(error)}"
        ) from error
    if len(classes) < 2:
        raise PublishRefused(f"the {kind} knows only the class {', '.join(classes)}: a classifier needs at least two")
    if probabilities.shape != (len(dataset.rows), len(classes)):
        raise PublishRefused(f"the {kind} gives probabilities of shape {probabilities.shape} for {classes}")
    if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-4):
        raise PublishRefused(f"the probabilities that the {kind} gives do not sum to 1")


def _metrics(model: FittedModel, dataset: Dataset) -> dict[str, float]:
    """How the model classifies the labelled rows; empty when its classes are others."""
    if not set(model.classes) <= set(SPECIES):
        return {}
    predicted: Sequence[str] = model.predict(dataset.penguins)
    correct = sum(name == row.label for name, row in zip(predicted, dataset.rows, strict=True))
    return {"data_set_rows": float(len(dataset.rows)), "data_set_correct": float(correct)}
