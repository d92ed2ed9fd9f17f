from datetime import UTC, datetime
from functools import cache

import pytest

from predictor.training.dataset import Dataset, load_penguins
from predictor.training.export import Export, ModelSource, export, pickles_of
from predictor.training.fitted_model import FittedModel, PublishableModel
from predictor.training.penguin_pipeline import fit
from predictor.training.reference import make_reference
from predictor.trust.reference import Reference

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return load_penguins()


@pytest.fixture(scope="session")
def model(dataset: Dataset) -> FittedModel:
    return fit(dataset.penguins, dataset.labels)


@pytest.fixture(scope="session")
def source(model: FittedModel) -> ModelSource:
    """This project's model, without the evaluation, which takes most of the time."""
    return source_of(model)


def source_of(model: PublishableModel, card: str = "# A card\n") -> ModelSource:
    pickles = pickles_of(model) if isinstance(model, FittedModel) else {}
    return ModelSource(
        model, pickles, metrics={"accuracy": 1.0}, card=card, reference=_reference(), training_data_sha256=None
    )


@cache
def _reference() -> Reference:
    return make_reference(load_penguins(), "not tried")


@pytest.fixture(scope="session")
def exported(source: ModelSource, dataset: Dataset) -> Export:
    return export(source, dataset, CREATED)
