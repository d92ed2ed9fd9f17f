import random

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.numpy_helper import from_array

from predictor.models.onnx_graph import Tensor, UnreadableGraph, read_graph
from tests.support.bundles import PublishedBundle, linear_graph

WEIGHTS = np.arange(12.0).reshape(4, 3) - 5.5
INTERCEPTS = np.array([0.25, -1.0, 3.0])


def test_it_sees_what_onnx_sees(bundle: PublishedBundle) -> None:
    """skl2onnx's own graph, with its floats, strings and negative numbers."""
    data = (bundle.folder / "model.onnx").read_bytes()
    theirs, ours = onnx.load_from_string(data), read_graph(data)
    assert [(n.operator, n.domain, n.inputs, n.outputs) for n in ours.nodes] == [
        (n.op_type, n.domain, tuple(n.input), tuple(n.output)) for n in theirs.graph.node
    ]
    assert [dict(n.integers) for n in ours.nodes] == [
        {a.name: a.i for a in n.attribute if a.type == onnx.AttributeProto.INT} for n in theirs.graph.node
    ]
    assert ours.opset == next(opset.version for opset in theirs.opset_import if not opset.domain)


def test_constants_are_read_row_by_row() -> None:
    graph = read_graph(linear_graph(WEIGHTS, INTERCEPTS))
    assert graph.tensors == {
        "w": Tensor((4, 3), tuple(WEIGHTS.ravel().tolist())),
        "b": Tensor((3,), tuple(INTERCEPTS.tolist())),
    }


def test_constants_of_other_types_are_left_out() -> None:
    floats = from_array(np.ones((2, 2), dtype=np.float32), "floats")
    doubles = from_array(np.ones(2), "doubles")
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])]
    model = helper.make_model(helper.make_graph([], "g", [], outputs, [floats, doubles]))
    assert list(read_graph(model.SerializeToString()).tensors) == ["doubles"]


def test_negative_attributes_keep_their_sign() -> None:
    nodes = {node.operator: node for node in read_graph(linear_graph(WEIGHTS, INTERCEPTS, axis=-1)).nodes}
    assert nodes["Softmax"].integers == {"axis": -1}


@pytest.mark.parametrize("data", [b"no graph", b"\x07", b"\x3a\x05ab", b"\x38\x01", b"\x3a\x02\x08\xff"])
def test_other_bytes_are_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableGraph):
        read_graph(data)


def test_damaged_bytes_give_a_graph_or_unreadable_and_no_other_error() -> None:
    graph = linear_graph(WEIGHTS, INTERCEPTS)
    generator = random.Random(20261124)
    read = 0
    for _ in range(2000):
        damaged = bytearray(graph)
        damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        try:
            read_graph(bytes(damaged))
            read += 1
        except UnreadableGraph:
            continue
    assert 0 < read < 2000
