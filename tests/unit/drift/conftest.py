"""The data set, its reference, and what the reference says of unchanged traffic."""

import pytest

from predictor.drift.baseline import Baseline
from predictor.training.dataset import Dataset, load_penguins
from predictor.training.reference import make_reference
from predictor.trust.reference import Reference


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return load_penguins()


@pytest.fixture(scope="session")
def reference(dataset: Dataset) -> Reference:
    return make_reference(dataset, "not tried")


@pytest.fixture(scope="session")
def baseline(reference: Reference) -> Baseline:
    return Baseline.of(reference)
