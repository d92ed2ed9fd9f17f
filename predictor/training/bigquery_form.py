"""`bigquery.onnx`: the graph of `model.onnx` behind an input for each feature, so that SQL can name raw columns.

BigQuery runs imported graphs in ONNX Runtime 1.12, which takes IR 8, opset 17 and ai.onnx.ml 3 at most, and it takes
plain tensors only. `Equal` compares no strings before opset 19, so `LabelEncoder` turns categories into numbers.

There is no service in front that could refuse a row. A value that the service does not accept gives NaN for every
probability and an empty prediction, and not an answer that looks like any other.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import onnxruntime
from onnx import NodeProto, TensorProto, ValueInfoProto, compose, helper, version_converter
from onnx.numpy_helper import from_array

from predictor.artifacts import BIGQUERY_FILE
from predictor.batch import PenguinColumns
from predictor.errors import NotForBigQuery, UnloadableModel
from predictor.models import Engine
from predictor.models.onnx_signature import INPUT, OUTPUT
from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, COMBINATIONS, FEATURES, MEASUREMENTS, RANGES
from predictor.text import first_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREDICTION: Final = "prediction"
"""The second output: the most probable class, as text."""
IR: Final = 8
OPSETS: Final = {"": 17, "ai.onnx.ml": 3}
_ML: Final = "ai.onnx.ml"
_INNER: Final = "of_model_"
_NAN: Final = float("nan")


def bigquery_form(
    model: bytes, columns: Sequence[str], classes: Sequence[str], features: Sequence[str] = FEATURES
) -> bytes:
    """The graph, made of a `model.onnx` with these columns, which are made from these features.

    Inputs: each of the features by its name, float32 or string, shape (n, 1). Outputs: `probabilities`, float32, shape
    (n, classes), and `prediction`, string, shape (n,). Raises `NotForBigQuery`.
    """
    inner = _in_opset(onnx.load_from_string(model))
    inner = compose.add_prefix(inner, _INNER)  # No value of it is called like a feature then.
    before, constants = _features(columns, features)
    after, more = _answers(classes)
    graph = helper.make_graph(
        [*before, *inner.graph.node, *after],
        inner.graph.name,
        [_value(name, TensorProto.STRING if name in CATEGORIES else TensorProto.FLOAT, 1) for name in features],
        [_value(OUTPUT, TensorProto.FLOAT, len(classes)), _value(PREDICTION, TensorProto.STRING)],
        [*inner.graph.initializer, *constants, *more],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=IR)
    form: bytes = made.SerializeToString(deterministic=True)
    return form


def _in_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model in OPSETS. Raises `NotForBigQuery`."""
    versions = {opset.domain: opset.version for opset in model.opset_import}
    # LabelEncoder is the one operator that version 2 of ai.onnx.ml changed.
    old_encoder = versions.get(_ML) == 1 and any(node.op_type == "LabelEncoder" for node in model.graph.node)
    if old_encoder or any(domain not in OPSETS or versions[domain] > OPSETS[_ML] for domain in versions if domain):
        named = ", ".join(f"{domain} {version}" for domain, version in versions.items() if domain)
        raise NotForBigQuery(f"it does not take operators of {named} as the graph uses them")
    if versions[""] == OPSETS[""]:
        return model
    try:
        return version_converter.convert_version(model, OPSETS[""])
    except Exception as error:  # The converter is C++, and raises what its operators raise.
        reason = f"opset {versions['']} cannot be made opset {OPSETS['']} ({first_line(error)})"
        raise NotForBigQuery(reason) from error


def _value(name: str, kind: int, *width: int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, [None, *width])


def _features(columns: Sequence[str], features: Sequence[str]) -> tuple[list[NodeProto], list[TensorProto]]:
    """Nodes that make the model's one tensor, and `valid`: 0 for a row that the service accepts, else NaN."""
    nodes: list[NodeProto] = []
    constants = [_constant("zero", 0.0), _constant("nan", _NAN)]
    checks = []
    for name in (name for name in MEASUREMENTS if name in features):
        low, high = RANGES[name]
        constants += [_constant(f"{name}_low", low), _constant(f"{name}_high", high)]
        nodes += [
            helper.make_node("GreaterOrEqual", [name, f"{name}_low"], [f"{name}_not_low"]),
            helper.make_node("LessOrEqual", [name, f"{name}_high"], [f"{name}_not_high"]),
            helper.make_node("And", [f"{name}_not_low", f"{name}_not_high"], [f"{name}_in_range"]),
            helper.make_node("Where", [f"{name}_in_range", "zero", "nan"], [f"{name}_check"]),
        ]
        checks.append(f"{name}_check")
    for name, values in ((name, values) for name, values in CATEGORIES.items() if name in features):
        nodes.append(_numbers(name, f"{name}_check", dict.fromkeys(values, 0.0), default=_NAN))
        checks.append(f"{name}_check")
    nodes.append(helper.make_node("Sum", checks, ["valid"]))
    parts = []
    for name in columns:
        if name in MEASUREMENTS:
            parts.append(name)
            continue
        parts.append(f"column_{name}")
        feature, numbers = _encoding(name)
        nodes.append(_numbers(feature, f"column_{name}", numbers, default=0.0))
    nodes.append(helper.make_node("Concat", parts, [_INNER + INPUT], axis=1))
    return nodes, constants


def _encoding(column: str) -> tuple[str, dict[str, float]]:
    """The category that a column is made of, and the numbers of its values, as in `FeatureEncoder`; of others 0."""
    for name, values in CATEGORIES.items():
        if column == name:
            return name, {value: float(index) for index, value in enumerate(values)}
        for value in values:
            if column == f"{name}_{value}":
                return name, {value: 1.0}
    raise NotForBigQuery(f"no feature gives the column {column!r}")


def _constant(name: str, value: float) -> TensorProto:
    return from_array(np.array([value], dtype=np.float32), name)


def _numbers(source: str, target: str, numbers: dict[str, float], *, default: float) -> NodeProto:
    return helper.make_node(
        "LabelEncoder",
        [source],
        [target],
        domain=_ML,
        keys_strings=list(numbers),
        values_floats=list(numbers.values()),
        default_float=default,
    )


def _answers(classes: Sequence[str]) -> tuple[list[NodeProto], list[TensorProto]]:
    nodes = [
        helper.make_node("Add", [_INNER + OUTPUT, "valid"], [OUTPUT]),
        helper.make_node("ArgMax", [_INNER + OUTPUT], ["best"], axis=1, keepdims=1),
        helper.make_node("IsNaN", ["valid"], ["invalid"]),
        helper.make_node("Where", ["invalid", "no_class", "best"], ["answer"]),
        helper.make_node("Squeeze", ["answer", "second_axis"], ["answers"]),
        helper.make_node(
            "LabelEncoder",
            ["answers"],
            [PREDICTION],
            domain=_ML,
            keys_int64s=list(range(len(classes))),
            values_strings=list(classes),
            default_string="",
        ),
    ]
    return nodes, [
        from_array(np.array([-1], dtype=np.int64), "no_class"),
        from_array(np.array([1], dtype=np.int64), "second_axis"),
    ]


class BigQueryGraph(Engine):
    """An engine that runs `bigquery.onnx`, to compare it with the model. Nothing serves with it."""

    name: Final = "onnx"
    runtime: Final = "onnxruntime"
    blocking: Final = False

    def __init__(self, graph: bytes) -> None:
        """Raises `UnloadableModel`."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions share no base of their own.
            raise UnloadableModel(BIGQUERY_FILE, f"ONNX Runtime refused it: {first_line(error)}") from error
        self._run = session.run
        self._features = [item.name for item in session.get_inputs()]
        self._classes = session.get_outputs()[0].shape[1]

    def probabilities(self, penguin: Penguin) -> list[float]:
        return self.batch_probabilities(PenguinColumns.of((penguin,)))[0].tolist()  # type: ignore[no-any-return]

    def batch_probabilities(self, columns: PenguinColumns) -> "NDArray[np.float32]":
        if not len(columns):
            return np.empty((0, self._classes), dtype=np.float32)
        inputs = named_inputs(columns)
        return self._run([OUTPUT], {name: inputs[name] for name in self._features})[0]  # type: ignore[no-any-return]


def named_inputs(columns: PenguinColumns) -> dict[str, Any]:
    """Penguins as the graph takes them: an array of shape (n, 1) for each feature."""
    numbers = columns.measurements.astype(np.float32)
    texts = np.array(COMBINATIONS, dtype=object).reshape(len(COMBINATIONS), len(CATEGORIES))[columns.combinations]
    return {
        **{name: numbers[:, [index]] for index, name in enumerate(MEASUREMENTS)},
        **{name: texts[:, [index]] for index, name in enumerate(CATEGORIES)},
    }
