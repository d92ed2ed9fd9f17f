from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from lightgbm import LGBMClassifier
from onnxruntime.capi.onnxruntime_pybind11_state import Fail
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, MinMaxScaler

from predictor.errors import NotConvertible
from predictor.models.onnx_signature import INPUT, OUTPUT
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import ENCODED, FittedModel, encode
from predictor.training.onnx_form import forms
from tests.unit.training.test_export import Odd


def regression() -> LogisticRegression:
    return LogisticRegression(max_iter=5000)


ESTIMATORS: dict[str, Any] = {
    "forest": lambda: RandomForestClassifier(10, random_state=0),
    "columns by name": lambda: make_pipeline(
        make_column_transformer((MinMaxScaler(), list(ENCODED[:4])), remainder="passthrough"), regression()
    ),
    "histogram boosting": lambda: HistGradientBoostingClassifier(max_iter=5, random_state=0),
    "vote": lambda: VotingClassifier(
        [("forest", RandomForestClassifier(5, random_state=0)), ("regression", regression())], voting="soft"
    ),
}


def fitted(kind: str, dataset: Dataset) -> FittedModel:
    encoder = LabelEncoder()
    estimator = ESTIMATORS[kind]().fit(encode(dataset.penguins), encoder.fit_transform(dataset.labels))
    return FittedModel(estimator, encoder, ENCODED)


def difference(form: bytes, model: FittedModel, dataset: Dataset) -> float:
    """The largest from the model's probabilities; infinite for a graph that ONNX Runtime refuses."""
    try:
        session = onnxruntime.InferenceSession(form, providers=["CPUExecutionProvider"])
    except Fail:
        return float("inf")
    features = encode(dataset.penguins).to_numpy(dtype=np.float32)
    (probabilities,) = session.run([OUTPUT], {INPUT: features})
    assert probabilities.dtype == np.float32
    return float(np.abs(probabilities - model.probabilities(dataset.penguins)).max())


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_one_of_the_forms_gives_the_models_answers(kind: str, dataset: Dataset) -> None:
    model = fitted(kind, dataset)
    assert min(difference(form, model, dataset) for form in model.onnx_forms()) < 1e-5


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_form_has_one_input_and_one_output(kind: str, dataset: Dataset) -> None:
    for form in fitted(kind, dataset).onnx_forms():
        graph = onnx.load_from_string(form).graph
        assert [item.name for item in graph.input] == [INPUT]
        assert [item.name for item in graph.output] == [OUTPUT]


def test_this_projects_form_is_one_multiplication_in_double(model: FittedModel) -> None:
    graph = onnx.load_from_string(next(model.onnx_forms())).graph
    assert len(graph.node) <= 7
    assert sum(node.op_type in ("MatMul", "Gemm") for node in graph.node) == 1
    kinds = {tensor.data_type for tensor in graph.initializer}
    assert onnx.TensorProto.DOUBLE in kinds
    assert onnx.TensorProto.FLOAT not in kinds


def test_a_form_is_the_same_bytes_every_time(model: FittedModel) -> None:
    assert list(model.onnx_forms()) == list(model.onnx_forms())


def test_an_estimator_that_no_converter_knows_is_named(model: FittedModel) -> None:
    with pytest.raises(NotConvertible, match="Odd cannot be converted to ONNX") as caught:
        list(FittedModel(Odd(model.estimator), model.label_encoder, model.columns).onnx_forms())
    assert caught.value.estimator == "Odd"


def test_thresholds_between_two_neighbouring_numbers_stay_between_them() -> None:
    # Fitted on float32, and on values that are neighbours in float32.
    low = np.float32(41.2)
    high = np.nextafter(low, np.float32(50))
    features = np.array([[low], [high]] * 20, dtype=np.float32)
    model = LGBMClassifier(n_estimators=2, min_child_samples=1, verbose=-1).fit(features, [0, 1] * 20)
    expected = model.predict_proba(features)
    found = []
    for form in forms(model, ["bill_length_mm"], 2):
        session = onnxruntime.InferenceSession(form, providers=["CPUExecutionProvider"])
        found.append(float(np.abs(session.run([OUTPUT], {INPUT: features})[0] - expected).max()))
    assert max(found) > 0.1  # The first of them, as the converter makes it.
    assert min(found) < 1e-6


def test_splits_by_category_have_no_form(dataset: Dataset) -> None:
    frame = encode(dataset.penguins)
    model = HistGradientBoostingClassifier(max_iter=5, categorical_features=["sex_male"]).fit(frame, dataset.labels)
    with pytest.raises(NotConvertible, match=r"ONNX: the converter does not know splits by category$"):
        list(forms(model, ENCODED, 3))


def test_the_estimator_is_left_as_it_is(dataset: Dataset) -> None:
    model = fitted("vote", dataset)
    list(model.onnx_forms())
    assert model.estimator.flatten_transform is True
