import numpy as np
import pytest

from predictor.errors import MalformedJson
from predictor.prediction import BatchPrediction, ModelIdentity, Prediction, prediction

MODEL = ModelIdentity("v1", "sha256:" + "0" * 64)
CLASSES = ("a", "b", "c")


@pytest.mark.parametrize(
    ("probabilities", "name"), [([0.2, 0.5, 0.3], "b"), ([0.4, 0.2, 0.4], "a"), ([0.0, 0.0, 1.0], "c")]
)
def test_the_most_probable_class_is_predicted_and_the_first_of_equal_ones(
    probabilities: list[float], name: str
) -> None:
    found = prediction(MODEL, CLASSES, probabilities)
    assert found == Prediction(name, max(probabilities), dict(zip(CLASSES, probabilities, strict=True)), MODEL)


def test_a_batch_gives_the_answers_row_by_row() -> None:
    error = MalformedJson("no reason")
    rows = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])
    batch = BatchPrediction(MODEL, CLASSES, rows, {1: error})
    assert len(batch) == 3
    first, second, third = batch
    assert second is error
    assert [first, third] == [prediction(MODEL, CLASSES, row) for row in rows.tolist()]
