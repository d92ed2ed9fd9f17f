import numpy as np
import pytest

from predictor.schema import CATEGORIES
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import ENCODED, FittedModel
from predictor.training.penguin_pipeline import build, fit


@pytest.mark.parametrize("island", CATEGORIES["island"])
def test_the_island_changes_no_answer(model: FittedModel, dataset: Dataset, island: str) -> None:
    moved = [penguin.model_copy(update={"island": island}) for penguin in dataset.penguins]
    assert (model.probabilities(moved) == model.probabilities(dataset.penguins)).all()


def test_fitted_parameters_are_float32_values(model: FittedModel) -> None:
    coefficients = model.estimator.named_steps["classifier"].coef_
    assert (coefficients == coefficients.astype(np.float32)).all()


def test_birds_in_another_order_give_the_same_model(model: FittedModel, dataset: Dataset) -> None:
    # What differs between orders, as between processors, is the last bits of sums; rounding takes it away.
    again = fit(dataset.penguins[::-1], dataset.labels[::-1])
    one, other = (m.estimator.named_steps["classifier"].coef_ for m in (model, again))
    assert np.abs(one - other).max() <= 1e-6 * np.abs(one).max()


def test_it_takes_measurements_and_sex_and_leaves_the_island_out() -> None:
    chosen = [place for _, _, places in build().named_steps["features"].transformers for place in places]
    assert {ENCODED[place] for place in chosen} == set(ENCODED) - {name for name in ENCODED if "island" in name}
