import numpy as np
import pytest

from predictor.penguin import Penguin
from predictor.schema import ISLANDS
from predictor.training.dataset import Dataset
from predictor.training.penguin_pipeline import ENCODED, FittedModel, encode, fit
from tests.support.bundles import EXAMPLE


def test_columns_are_those_that_get_dummies_makes_of_all_birds(dataset: Dataset) -> None:
    import pandas as pd

    frame = pd.DataFrame([penguin.model_dump() for penguin in dataset.penguins])
    assert tuple(pd.get_dummies(frame, columns=["sex", "island"]).columns) == ENCODED


def test_a_single_bird_is_encoded_as_it_is_in_company(dataset: Dataset) -> None:
    together = encode(dataset.penguins[:50]).to_numpy(dtype=float)
    alone = np.concatenate([encode([penguin]).to_numpy(dtype=float) for penguin in dataset.penguins[:50]])
    assert (together == alone).all()


def test_it_knows_its_classes_by_name(model: FittedModel) -> None:
    assert model.classes == ("Adelie", "Chinstrap", "Gentoo")
    assert model.predict([Penguin(**EXAMPLE)]) == ["Adelie"]


@pytest.mark.parametrize("island", ISLANDS)
def test_the_island_changes_no_answer(model: FittedModel, dataset: Dataset, island: str) -> None:
    moved = [penguin.model_copy(update={"island": island}) for penguin in dataset.penguins]
    assert (model.probabilities(moved) == model.probabilities(dataset.penguins)).all()


def test_fitted_parameters_are_float32_values(model: FittedModel) -> None:
    coefficients = model.estimator.named_steps["classifier"].coef_
    assert (coefficients == coefficients.astype(np.float32)).all()


def test_birds_in_another_order_give_the_same_model(model: FittedModel, dataset: Dataset) -> None:
    # What differs between orders, as between processors, is the last bits of sums; rounding takes it away.
    again = fit(dataset.penguins[::-1], dataset.species[::-1])
    one, other = (m.estimator.named_steps["classifier"].coef_ for m in (model, again))
    assert np.abs(one - other).max() <= 1e-6 * np.abs(one).max()
