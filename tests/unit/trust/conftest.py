"""The reference of this project's own data set, and what assesses answers with it."""

import pytest

from predictor.penguin import SPECIES
from predictor.training.dataset import Dataset, load_penguins
from predictor.training.penguin_pipeline import fit
from predictor.training.reference import make_reference, reference_of
from predictor.trust.assessment import Assessor
from predictor.trust.reference import Reference


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return load_penguins()


@pytest.fixture(scope="session")
def reference(dataset: Dataset) -> Reference:
    return reference_of(fit(dataset.penguins, dataset.labels), dataset)


@pytest.fixture(scope="session")
def without_sets(dataset: Dataset) -> Reference:
    return make_reference(dataset, "not tried")


@pytest.fixture(scope="session")
def assessor(reference: Reference) -> Assessor:
    return Assessor(reference, SPECIES)
