"""The reference of this project's own data set, without prediction sets."""

import pytest

from predictor.training.dataset import Dataset, load_penguins
from predictor.training.reference import make_reference
from predictor.trust.reference import Reference


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return load_penguins()


@pytest.fixture(scope="session")
def reference(dataset: Dataset) -> Reference:
    return make_reference(dataset, "not tried")
