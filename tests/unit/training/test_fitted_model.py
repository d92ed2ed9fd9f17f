import numpy as np
import pandas as pd

from predictor.penguin import Penguin
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import ENCODED, FittedModel, encode
from tests.support.bundles import EXAMPLE


def test_columns_are_those_that_get_dummies_makes_of_all_birds(dataset: Dataset) -> None:
    frame = pd.DataFrame([penguin.model_dump() for penguin in dataset.penguins])
    assert tuple(pd.get_dummies(frame, columns=["sex", "island"]).columns) == ENCODED


def test_a_single_bird_is_encoded_as_it_is_among_others(dataset: Dataset) -> None:
    together = encode(dataset.penguins[:50]).to_numpy(dtype=float)
    alone = np.concatenate([encode([penguin]).to_numpy(dtype=float) for penguin in dataset.penguins[:50]])
    assert (together == alone).all()


def test_columns_that_the_encoding_does_not_give_are_0(dataset: Dataset) -> None:
    frame = encode(dataset.penguins[:5], ("year", "bill_length_mm"))
    assert list(frame.columns) == ["year", "bill_length_mm"]
    assert (frame["year"] == 0).all()


def test_it_knows_its_classes_by_name(model: FittedModel) -> None:
    assert model.classes == ("Adelie", "Chinstrap", "Gentoo")
    assert model.predict([Penguin(**EXAMPLE)]) == ["Adelie"]


def test_probabilities_are_in_the_order_of_the_classes(model: FittedModel, dataset: Dataset) -> None:
    probabilities = model.probabilities(dataset.penguins)
    assert probabilities.shape == (333, 3)
    best = [model.classes[place] for place in probabilities.argmax(axis=1).tolist()]
    assert best == model.predict(dataset.penguins)
