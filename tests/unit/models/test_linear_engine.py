"""Which graphs are evaluated without ONNX Runtime, and that nothing else is taken for one of them."""

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from predictor.models.linear_engine import LinearForm, linear_form
from predictor.models.onnx_graph import UnreadableGraph, read_graph
from tests.support.bundles import linear_graph, publish_by_hand

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


def test_damaged_bytes_are_never_an_accident() -> None:
    graph = linear_graph(WEIGHTS, INTERCEPTS)
    for end in range(len(graph)):
        linear_form(graph[:end], 4, 3)
    generator = random.Random(20261124)
    for _ in range(5000):
        damaged = bytearray(graph)
        for _ in range(generator.randint(1, 4)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        linear_form(bytes(damaged), 4, 3)
    with pytest.raises(UnreadableGraph):
        read_graph(b"no graph")


def test_the_reader_sees_what_onnx_sees(tmp_path: Path) -> None:
    """skl2onnx's own graph, with its floats, strings and negative numbers."""
    data = (publish_by_hand(tmp_path).folder / "model.onnx").read_bytes()
    theirs, ours = onnx.load_from_string(data), read_graph(data)
    assert [(n.operator, n.domain, n.inputs, n.outputs) for n in ours.nodes] == [
        (n.op_type, n.domain, tuple(n.input), tuple(n.output)) for n in theirs.graph.node
    ]
    assert [dict(n.integers) for n in ours.nodes] == [
        {a.name: a.i for a in n.attribute if a.type == onnx.AttributeProto.INT} for n in theirs.graph.node
    ]
    assert ours.opset == next(opset.version for opset in theirs.opset_import if not opset.domain)


def test_importing_it_needs_neither_numpy_nor_onnx_runtime() -> None:
    import subprocess

    program = "import sys, predictor.models.loader; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "predictor.models.linear_engine" in modules.stdout.split()
    assert not {"numpy", "onnxruntime"} & set(modules.stdout.split())
