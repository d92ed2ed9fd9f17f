from datetime import UTC, datetime

import pytest

from predictor.training.dataset import Dataset, load
from predictor.training.export import Export, Source, export, pickles_of
from predictor.training.penguin_pipeline import FittedModel, fit

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return load()


@pytest.fixture(scope="session")
def model(dataset: Dataset) -> FittedModel:
    return fit(dataset.penguins, dataset.species)


@pytest.fixture(scope="session")
def source(model: FittedModel) -> Source:
    """This project's model, without the evaluation, which takes most of the time."""
    return Source(model, pickles_of(model), metrics={"accuracy": 1.0}, card="# A card\n", training_data_sha256=None)


@pytest.fixture(scope="session")
def exported(source: Source, dataset: Dataset) -> Export:
    return export(source, dataset, CREATED)
