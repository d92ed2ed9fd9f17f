"""A fitted estimator compiled to ONNX: one float32 tensor `features` in, float32 `probabilities` out.

scikit-learn's estimators go through skl2onnx; XGBoost's and LightGBM's, alone or inside a pipeline, through
onnxmltools (the extra `boosting`). A graph that computes in double is tried first: scikit-learn does, and in float32 a
linear model's error over the whole range comes near the limit of parity (docs/explanation/decisions.md).
"""

import copy
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper
from onnx.numpy_helper import from_array
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from predictor.errors import NotConvertible
from predictor.models.onnx_signature import INPUT, OUTPUT
from predictor.text import describe_error
from predictor.training.folding import fold
from predictor.training.libraries import parts
from predictor.training.onnx_converters import register_converters

GRAPH_NAME: Final = "penguin"  # Without a name the converter makes one up, and the digest would change every time.
_ML: Final = "ai.onnx.ml"
_OPSET: Final = {"": 17, _ML: 3}  # The newest that ONNX Runtime 1.12 takes, which BigQuery runs (`bigquery_form`).
_INNER: Final = "inner_"


def forms(
    estimator: Any, columns: Sequence[str], classes: int, strings: Mapping[str, Sequence[str]] | None = None
) -> Iterator[bytes]:
    """Every ONNX form that the converters make of an estimator, best first. Parity decides whether one is right.

    `strings`: for a column of text its values; the graph's input then holds their indexes. Raises `NotConvertible` when
    there is no form, `PublishRefused` when the converter that it needs is not installed.
    """
    strings = strings or {}
    register_converters(estimator)
    thresholds = _lightgbm_thresholds(estimator)
    adapted = fold(_adapted(estimator), columns)
    reason: Exception | None = None
    found = False
    for tensor in (DoubleTensorType, FloatTensorType):
        # A pipeline that selects columns by name needs an input for each; any other is content with one.
        for by_name in (True,) if strings else (False, True):
            try:
                model = _convert(adapted, columns, classes, tensor, strings, by_name=by_name)
            except Exception as error:  # noqa: BLE001  The converters raise anything, and each estimator's something else.
                reason = reason or error
                continue
            found = True
            yield _to_bytes(model)
            if _round_thresholds_down(model, thresholds):
                yield _to_bytes(model)
            break
    if not found and reason is not None:
        raise NotConvertible(type(estimator).__name__, describe_error(reason.__cause__ or reason)) from reason


def _convert(
    estimator: Any,
    columns: Sequence[str],
    classes: int,
    tensor: type[Any],
    strings: Mapping[str, Sequence[str]],
    *,
    by_name: bool,
) -> ModelProto:
    if by_name:
        inputs = [(name, (StringTensorType if name in strings else tensor)([None, 1])) for name in columns]
    else:
        inputs = [("columns", tensor([None, len(columns)]))]
    with warnings.catch_warnings():
        # Warnings of the converters and their libraries; parity measures whether the result is right.
        warnings.simplefilter("ignore")
        if type(estimator).__name__ == "LightGbmBooster":
            model = _convert_booster(estimator.booster_, len(columns))
        else:
            options = {"zipmap": False}
            converted = convert_sklearn(estimator, GRAPH_NAME, inputs, options=options, target_opset=dict(_OPSET))
            model = select_model_inputs_outputs(converted, [OUTPUT])  # Leaves out what only the label needs.
    names = [name for name, _ in inputs]
    is_double = tensor is DoubleTensorType
    adapt_signature(model, names, OUTPUT, classes, strings, width=len(columns), double=is_double)
    return model


def _to_bytes(model: ModelProto) -> bytes:
    form: bytes = model.SerializeToString(deterministic=True)
    return form


def _convert_booster(booster: Any, columns: int) -> ModelProto:
    """LightGBM's text without a scikit-learn estimator around it."""
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType as Tensor

    inputs = [("columns", Tensor([None, columns]))]
    return convert_lightgbm(booster, GRAPH_NAME, inputs, zipmap=False)  # type: ignore[no-any-return]


def adapt_signature(
    model: ModelProto,
    inputs: Sequence[str],
    output: str,
    classes: int,
    strings: Mapping[str, Sequence[str]],
    *,
    width: int,
    double: bool,
) -> None:
    """Give a graph the engine's signature, in place: casts, and one tensor split into the columns of `inputs`.

    `output` is what the graph calls the probabilities.
    """
    graph = model.graph
    # LabelEncoder is the one operator that version 2 of ai.onnx.ml changed.
    is_any_version = all(node.op_type != "LabelEncoder" for node in graph.node)
    ml_version = _OPSET[_ML]
    for opset in model.opset_import:
        if opset.domain == _ML:
            ml_version = opset.version = max(opset.version, ml_version) if is_any_version else opset.version
    _rename(graph, {name: _INNER + name for name in (*inputs, output)})
    source = INPUT
    before: list[NodeProto] = []
    if double:
        before.append(helper.make_node("Cast", [INPUT], [source := "features_as_double"], to=TensorProto.DOUBLE))
    if len(inputs) == width > 1:
        for position, name in enumerate(inputs):
            graph.initializer.append(from_array(np.array([position], dtype=np.int64), f"position_{position}"))
            column = f"place_{position}" if name in strings else _INNER + name
            before.append(
                helper.make_node("ArrayFeatureExtractor", [source, f"position_{position}"], [column], domain=_ML)
            )
            if name in strings:
                before += _to_text(column, _INNER + name, strings[name], ml_version)
    else:
        before.append(helper.make_node("Identity", [source], [_INNER + inputs[0]]))
    after = helper.make_node("Cast", [_INNER + output], [OUTPUT], to=TensorProto.FLOAT)
    nodes = [*before, *graph.node, after]
    for field in (graph.node, graph.input, graph.output, graph.value_info):
        del field[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, width]))
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, classes]))
    domains = {opset.domain for opset in model.opset_import}
    model.opset_import.extend(
        helper.make_opsetid(domain, version) for domain, version in _OPSET.items() if domain not in domains
    )


def _to_text(indexes: str, text: str, values: Sequence[str], version: int) -> list[NodeProto]:
    """Nodes that turn a column of indexes into the values that they mean, in this version of the domain ai.onnx.ml."""
    whole = f"{indexes}_whole"
    attributes: dict[str, Any] = {"classes_strings": list(values)}
    if version > 1:
        attributes = {"keys_int64s": list(range(len(values))), "values_strings": list(values)}
    return [
        helper.make_node("Cast", [indexes], [whole], to=TensorProto.INT64),
        helper.make_node("LabelEncoder", [whole], [text], domain=_ML, **attributes),
    ]


def _rename(graph: GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _adapted(estimator: Any) -> Any:
    """A copy without the steps and settings that the converters fail on and that change no answer."""
    adapted = copy.deepcopy(estimator)
    for part in parts(adapted):
        for attribute in ("steps", "transformers_"):
            if isinstance(part, Pipeline | ColumnTransformer) and hasattr(part, attribute):
                setattr(part, attribute, [_without_imputer(step) for step in getattr(part, attribute)])
    for part in parts(adapted):
        kind = type(part).__name__
        if kind == "VotingClassifier":
            part.flatten_transform = False  # Only for transform(), which is not used.
        elif kind == "XGBClassifier" and part.__sklearn_is_fitted__():
            booster = part.get_booster()
            booster.feature_names = booster.feature_types = None  # Then they are f0, f1, ..., as the converter expects.
            if part.objective == "multi:softmax":
                part.objective = "multi:softprob"  # predict_proba gives the same for both.
    return adapted


def _without_imputer(step: tuple[Any, ...]) -> tuple[Any, ...]:
    """The step of a pipeline, or the identity for an imputer: no value is ever missing."""
    name, transformer, *rest = step
    fills_only = isinstance(transformer, SimpleImputer) and not transformer.add_indicator
    if fills_only and len(getattr(transformer, "statistics_", ())) == getattr(transformer, "n_features_in_", None):
        return (name, FunctionTransformer(), *rest)
    return step


def _lightgbm_thresholds(estimator: Any) -> set[float]:
    """The thresholds of every LightGBM model in the estimator, in double."""
    found: set[float] = set()
    for part in (estimator, *parts(estimator)):
        if type(part).__name__ in ("LGBMClassifier", "LightGbmBooster") and hasattr(part, "booster_"):
            cells = part.booster_.trees_to_dataframe()["threshold"]
            found.update(cell for cell in cells if isinstance(cell, float) and not math.isnan(cell))
    return found


def _round_thresholds_down(model: ModelProto, thresholds: set[float]) -> bool:
    """Let no threshold of a tree become larger in float32, in place; False if there is nothing to change.

    A model that was fitted on float32 has thresholds in the middle of two neighbouring ones. Rounded up, the upper
    neighbour would be on the wrong side. LightGBM fits on float32 if a data frame has columns of bool.
    """
    upward = {np.float32(value) for value in thresholds if float(np.float32(value)) > value}
    lower = {float(single): float(np.nextafter(single, np.float32(-np.inf))) for single in upward}
    changed = False
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "nodes_values":
                values = [lower.get(value, value) for value in attribute.floats]
                changed = changed or values != list(attribute.floats)
                attribute.floats[:] = values
    return changed
