from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnxruntime
import pytest
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

from predictor.batch import PenguinColumns
from predictor.errors import PublishRefused
from predictor.models.features import FeatureEncoder
from predictor.publishing.onnx_source import OnnxModel
from predictor.publishing.source_file import read_source
from predictor.schema import CATEGORIES, FEATURES
from predictor.training.dataset import Dataset
from tests.unit.publishing.conftest import raw_frame

CLASSES = ("Adelie", "Chinstrap", "Gentoo")


def converted(files: Path, folder: Path, name: str, inputs: list[Any], **options: bool) -> Path:
    model = joblib.load(files / name)
    graph = convert_sklearn(model, initial_types=inputs, options={"zipmap": False, **options})
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    return folder / "model.onnx"


def assert_same_answers(model: OnnxModel, dataset: Dataset) -> None:
    """The graph with the engine's signature answers as the one that came."""
    (form,) = model.onnx_forms()
    session = onnxruntime.InferenceSession(form, providers=["CPUExecutionProvider"])
    features = FeatureEncoder(model.columns).matrix(PenguinColumns.of(dataset.penguins))
    (probabilities,) = session.run(["probabilities"], {"features": features})
    assert np.abs(probabilities - model.probabilities(dataset.penguins)).max() < 1e-6


def test_one_tensor_of_all_columns(files: Path, dataset: Dataset, tmp_path: Path) -> None:
    columns = joblib.load(files / "columns.pkl")
    path = converted(files, tmp_path, "model.pkl", [("X", FloatTensorType([None, len(columns)]))])
    model = OnnxModel(read_source(path), columns, CLASSES)
    right = np.mean([a == b for a, b in zip(model.predict(dataset.penguins), dataset.labels, strict=True)])
    assert right > 0.99
    assert_same_answers(model, dataset)


def test_an_input_for_each_column(files: Path, dataset: Dataset, tmp_path: Path) -> None:
    inputs = [(name, (StringTensorType if name in CATEGORIES else FloatTensorType)([None, 1])) for name in FEATURES]
    model = OnnxModel(read_source(converted(files, tmp_path, "pipeline.joblib", inputs)), (), CLASSES)
    assert model.columns == FEATURES
    expected = joblib.load(files / "pipeline.joblib").predict(raw_frame(dataset))
    assert model.predict(dataset.penguins) == expected.tolist()
    assert_same_answers(model, dataset)


def test_what_does_not_fit_is_refused_with_what_to_do(files: Path, tmp_path: Path) -> None:
    columns = joblib.load(files / "columns.pkl")
    one = [("X", FloatTensorType([None, len(columns)]))]
    source = read_source(converted(files, tmp_path, "model.pkl", one))
    with pytest.raises(PublishRefused, match="one input for all columns; give their names: --columns"):
        OnnxModel(source, (), CLASSES)
    with pytest.raises(PublishRefused, match="does not name its classes; give them: --classes Adelie,"):
        OnnxModel(source, columns, ())
    with pytest.raises(PublishRefused, match="no output with a probability for each of 2 classes"):
        OnnxModel(source, columns, CLASSES[:2])
    maps = read_source(converted(files, tmp_path, "model.pkl", one, zipmap=True))
    with pytest.raises(PublishRefused, match="convert it with zipmap=False"):
        OnnxModel(maps, columns, CLASSES)
    whole = read_source(converted(files, tmp_path, "model.pkl", [("X", Int64TensorType([None, len(columns)]))]))
    with pytest.raises(PublishRefused, match=r"input of tensor\(int64\); expected numbers or text"):
        OnnxModel(whole, columns, CLASSES)


def test_a_damaged_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x08\x09\x12\x00")
    with pytest.raises(PublishRefused, match="is not a usable ONNX model"):
        OnnxModel(read_source(tmp_path / "model.onnx"), (), CLASSES)
