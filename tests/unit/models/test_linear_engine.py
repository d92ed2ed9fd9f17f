"""Which graphs are evaluated without ONNX Runtime, and that no other graph is mistaken for one of them."""

import math
import random
import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from predictor.batch import PenguinColumns
from predictor.models.linear_engine import LinearEngine, LinearForm, linear_form
from predictor.penguin import Penguin
from tests.support.bundles import EXAMPLE, linear_graph

WEIGHTS = np.arange(12.0).reshape(4, 3) - 5.5
INTERCEPTS = np.array([0.25, -1.0, 3.0])


def changed(change: Any) -> bytes:
    model = onnx.load_from_string(linear_graph(WEIGHTS, INTERCEPTS))
    change(model)
    data: bytes = model.SerializeToString()
    return data


def node(model: Any, operator: str) -> Any:
    return next(node for node in model.graph.node if node.op_type == operator)


def test_weights_and_intercepts_are_read_from_the_graph() -> None:
    form = linear_form(linear_graph(WEIGHTS, INTERCEPTS), 4, 3)
    assert form == LinearForm(tuple(map(tuple, WEIGHTS.tolist())), tuple(INTERCEPTS.tolist()))


def test_numbers_may_be_stored_either_way() -> None:
    """As bytes (`raw_data`) or as a packed list (`double_data`): both are in use."""

    def as_list(model: Any) -> None:
        (weights,) = (tensor for tensor in model.graph.initializer if tensor.name == "w")
        weights.ClearField("raw_data")
        weights.double_data.extend(WEIGHTS.ravel().tolist())

    assert linear_form(changed(as_list), 4, 3) == linear_form(linear_graph(WEIGHTS, INTERCEPTS), 4, 3)


def _operator(name: str, new: str) -> Any:
    return lambda model: setattr(node(model, name), "op_type", new)


def _input(name: str, place: int, value: str) -> Any:
    def change(model: Any) -> None:
        node(model, name).input[place] = value

    return change


def _attribute(name: str, attribute: str, value: int) -> Any:
    def change(model: Any) -> None:
        del node(model, name).attribute[:]
        node(model, name).attribute.append(helper.make_attribute(attribute, value))

    return change


def _swap(model: Any) -> None:
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([nodes[0], nodes[2], nodes[1], *nodes[3:]])


def _single_precision(model: Any) -> None:
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def _truncated_tensor(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.raw_data = tensor.raw_data[:-8]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_operator("Add", "Sub"), id="subtracts"),
        pytest.param(_operator("Softmax", "LogSoftmax"), id="logarithms"),
        pytest.param(lambda model: setattr(node(model, "MatMul"), "domain", "somebody.else"), id="another-domain"),
        pytest.param(_swap, id="another-order"),
        pytest.param(lambda model: model.graph.node.pop(3), id="no-softmax"),
        pytest.param(_input("MatMul", 0, "features"), id="not-a-chain"),
        pytest.param(_input("MatMul", 1, "b"), id="not-a-matrix"),
        pytest.param(_input("MatMul", 1, "elsewhere"), id="not-a-constant"),
        pytest.param(_attribute("Softmax", "axis", 0), id="softmax-over-birds"),
        pytest.param(_attribute("Cast", "to", TensorProto.INT64), id="whole-numbers"),
        pytest.param(lambda model: setattr(model.opset_import[0], "version", 12), id="old-softmax"),
        pytest.param(lambda model: model.graph.node[-1].output.__setitem__(0, "other"), id="another-output"),
        pytest.param(_single_precision, id="single-precision"),
        pytest.param(_truncated_tensor, id="missing-numbers"),
    ],
)
def test_any_other_graph_is_left_to_onnx_runtime(change: Any) -> None:
    assert linear_form(changed(change), 4, 3) is None


def test_a_graph_for_other_columns_or_classes_is_left_to_onnx_runtime() -> None:
    graph = linear_graph(WEIGHTS, INTERCEPTS)
    assert linear_form(graph, 5, 3) is None
    assert linear_form(graph, 4, 2) is None


def test_damaged_bytes_are_left_to_onnx_runtime_and_never_raise() -> None:
    graph = linear_graph(WEIGHTS, INTERCEPTS)
    for end in range(len(graph)):
        linear_form(graph[:end], 4, 3)
    generator = random.Random(20261124)
    for _ in range(5000):
        damaged = bytearray(graph)
        for _ in range(generator.randint(1, 4)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        linear_form(bytes(damaged), 4, 3)
    assert linear_form(b"no graph", 4, 3) is None


def test_importing_it_needs_neither_numpy_nor_onnx_runtime() -> None:
    program = "import sys, predictor.models.loader; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "predictor.models.linear_engine" in modules.stdout.split()
    assert not {"numpy", "onnxruntime"} & set(modules.stdout.split())


def test_a_model_may_use_some_of_the_columns_only() -> None:
    form = LinearForm(((0.0, 0.1), (0.0, -5.0)), (0.0, 0.0))
    engine = LinearEngine(form, ("body_mass_g", "sex_male"))
    male, female = (Penguin(**{**EXAMPLE, "body_mass_g": 1000.0, "sex": sex}) for sex in ("male", "female"))
    expected = [[1 / (1 + math.exp(score)), 1 / (1 + math.exp(-score))] for score in (95.0, 100.0)]
    assert engine.probabilities(male) == pytest.approx(expected[0])
    assert engine.probabilities(female) == pytest.approx(expected[1])


def test_scores_too_large_to_exponentiate_give_probabilities() -> None:
    engine = LinearEngine(LinearForm(((1.0, -1.0),), (0.0, 0.0)), ("body_mass_g",))
    penguin = Penguin(**{**EXAMPLE, "body_mass_g": 50_000.0})
    assert engine.probabilities(penguin) == [1.0, 0.0]
    assert engine.batch_probabilities(PenguinColumns.of([penguin])).tolist() == [[1.0, 0.0]]
