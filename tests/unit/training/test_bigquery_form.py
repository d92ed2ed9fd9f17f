import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx.numpy_helper import from_array

from predictor.artifacts import BIGQUERY_FILE, ONNX_FILE
from predictor.batch import PenguinColumns
from predictor.errors import NotForBigQuery
from predictor.models.onnx_engine import OnnxEngine
from predictor.models.onnx_signature import INPUT, OUTPUT
from predictor.penguin import EXAMPLES
from predictor.schema import CATEGORIES, FEATURES, MEASUREMENTS
from predictor.training.bigquery_form import BigQueryGraph, bigquery_form, named_inputs
from predictor.training.dataset import Dataset
from predictor.training.export import Export
from tests.support.environments import make_environment

CLASSES = ("Adelie", "Chinstrap", "Gentoo")


@pytest.fixture(scope="session")
def graph(exported: Export) -> bytes:
    return exported.bundle[BIGQUERY_FILE]


def answers(graph: bytes, feeds: dict[str, Any]) -> list[Any]:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found: list[Any] = session.run([OUTPUT, "prediction"], feeds)
    return found


def one(**changed: Any) -> dict[str, Any]:
    penguin = {**EXAMPLES[0], **changed}
    return {name: np.array([[penguin[name]]], dtype=object if name in CATEGORIES else np.float32) for name in FEATURES}


def test_it_takes_every_feature_by_its_name_and_gives_plain_tensors(graph: bytes) -> None:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    kinds = {name: "tensor(string)" if name in CATEGORIES else "tensor(float)" for name in FEATURES}
    assert {item.name: item.type for item in session.get_inputs()} == kinds
    assert {tuple(item.shape) for item in session.get_inputs()} == {(None, 1)}
    outputs = [(item.name, item.type, item.shape) for item in session.get_outputs()]
    assert outputs == [(OUTPUT, "tensor(float)", [None, 3]), ("prediction", "tensor(string)", [None])]


def test_it_keeps_to_what_onnx_runtime_1_12_takes(graph: bytes) -> None:
    model = onnx.load_from_string(graph)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version <= 8
    versions = {opset.domain: opset.version for opset in model.opset_import}
    assert versions[""] <= 17
    assert versions["ai.onnx.ml"] <= 3
    assert "ZipMap" not in {node.op_type for node in model.graph.node}


def test_it_gives_the_answers_of_the_model_that_it_is_made_of(exported: Export, graph: bytes, dataset: Dataset) -> None:
    columns = PenguinColumns.of(dataset.penguins)
    probabilities, predictions = answers(graph, named_inputs(columns))
    engine = OnnxEngine(exported.bundle[ONNX_FILE], exported.bundle.manifest)
    assert np.array_equal(probabilities, engine.batch_probabilities(columns))
    assert predictions.tolist() == [CLASSES[best] for best in probabilities.argmax(axis=1)]


@pytest.mark.parametrize(
    "changed",
    [{"sex": "MALE"}, {"island": ""}, {"bill_length_mm": 3.91}, {"body_mass_g": 50_001}, {"flipper_length_mm": np.nan}],
    ids=str,
)
def test_a_row_that_the_service_would_refuse_gets_no_answer(graph: bytes, changed: dict[str, Any]) -> None:
    probabilities, predictions = answers(graph, one(**changed))
    assert np.isnan(probabilities).all()
    assert predictions.tolist() == [""]


def test_the_ends_of_the_ranges_are_accepted(graph: bytes) -> None:
    probabilities, _ = answers(graph, one(bill_length_mm=20, body_mass_g=50_000))
    assert not np.isnan(probabilities).any()


def model_of(columns: tuple[str, ...], *, opset: int = 17) -> bytes:
    """A graph that answers with the mean of its columns for every class."""
    nodes = [
        helper.make_node("MatMul", [INPUT, "weights"], ["mean"]),
        helper.make_node("Concat", ["mean", "mean", "mean"], [OUTPUT], axis=1),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "mean",
        [value(INPUT, TensorProto.FLOAT, [None, len(columns)])],
        [value(OUTPUT, TensorProto.FLOAT, [None, 3])],
        [from_array(np.full((len(columns), 1), 1 / len(columns), dtype=np.float32), "weights")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    data: bytes = made.SerializeToString()
    return data


@pytest.mark.parametrize(
    ("columns", "expected"), [(("island",), 2.0), (("sex_male", "sex_female"), 0.5), (("body_mass_g", "sex"), 1875.0)]
)
def test_columns_are_encoded_as_the_engine_encodes_them(columns: tuple[str, ...], expected: float) -> None:
    probabilities, _ = answers(bigquery_form(model_of(columns), columns, CLASSES), one(island="Torgersen", sex="male"))
    assert probabilities.tolist() == [[expected] * 3]


@pytest.mark.parametrize("opset", [13, 18])
def test_a_model_in_another_opset_is_converted(opset: int) -> None:
    probabilities, _ = answers(bigquery_form(model_of(("sex",), opset=opset), ("sex",), CLASSES), one(sex="male"))
    assert probabilities.tolist() == [[0.0] * 3]


@pytest.mark.parametrize(("domain", "version"), [("ai.onnx.ml", 4), ("com.microsoft", 1)])
def test_a_model_with_operators_that_bigquery_lacks_has_no_such_form(domain: str, version: int) -> None:
    model = onnx.load_from_string(model_of(MEASUREMENTS))
    model.opset_import.append(helper.make_opsetid(domain, version))
    with pytest.raises(NotForBigQuery, match=rf"does not take operators of {domain} {version}"):
        bigquery_form(model.SerializeToString(), MEASUREMENTS, CLASSES)


def test_a_model_that_cannot_be_converted_has_no_such_form() -> None:
    model = onnx.load_from_string(model_of(MEASUREMENTS, opset=18))
    model.graph.node[1].op_type = "CenterCropPad"  # Opset 18 is the first that has it.
    with pytest.raises(NotForBigQuery, match="opset 18 cannot be made opset 17"):
        bigquery_form(model.SerializeToString(), MEASUREMENTS, CLASSES)


def test_a_column_that_no_feature_gives_is_refused() -> None:
    with pytest.raises(NotForBigQuery, match="no feature gives the column 'wing'"):
        bigquery_form(model_of(("wing",)), ("wing",), CLASSES)


RUN_IN_1_12 = """
import json, sys, numpy, onnxruntime
assert onnxruntime.__version__.startswith("1.12."), onnxruntime.__version__
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
kinds = {item.name: object if item.type == "tensor(string)" else numpy.float32 for item in session.get_inputs()}
given = json.load(sys.stdin)
feeds = {name: numpy.array(given[name], dtype=kind).reshape(-1, 1) for name, kind in kinds.items()}
print(json.dumps([found.tolist() for found in session.run(["probabilities", "prediction"], feeds)]))
"""


@pytest.mark.slow
def test_onnx_runtime_1_12_gives_the_same_answers(graph: bytes, dataset: Dataset, tmp_path: Path) -> None:
    python = make_environment(tmp_path / "environment", "3.10", "onnxruntime==1.12.1", "numpy<2")
    (tmp_path / BIGQUERY_FILE).write_bytes(graph)
    given = {name: [getattr(penguin, name) for penguin in dataset.penguins] for name in FEATURES}
    command: list[str | Path] = [python, "-c", RUN_IN_1_12, tmp_path / BIGQUERY_FILE]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True, timeout=60)
    probabilities, predictions = json.loads(done.stdout)
    expected = BigQueryGraph(graph).batch_probabilities(PenguinColumns.of(dataset.penguins))
    assert np.abs(np.array(probabilities) - expected).max() < 1e-6
    assert predictions == [CLASSES[best] for best in expected.argmax(axis=1)]
