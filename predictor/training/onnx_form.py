"""A fitted estimator compiled to ONNX: one float32 tensor `features` in, float32 `probabilities` out.

scikit-learn's estimators go through skl2onnx; XGBoost's and LightGBM's, alone or inside a pipeline, through
onnxmltools (the extra `boosting`). A graph that computes in double is tried first: scikit-learn does, and in float32 a
linear model's error over the whole range comes near the limit of parity (docs/explanation/decisions.md).
"""

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper
from onnx.numpy_helper import from_array
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

from predictor.errors import NotConvertible, PublishRefused
from predictor.models.onnx_engine import INPUT, OUTPUT
from predictor.text import describe_error
from predictor.training.fitted_model import FittedModel
from predictor.training.folding import fold
from predictor.training.libraries import BOOSTERS, modules_of, parts

GRAPH_NAME: Final = "penguin"  # Without a name the converter makes one up, and the digest would change every time.
_OPSET: Final = {"": 18, "ai.onnx.ml": 3}
_INNER: Final = "inner_"


def forms(model: FittedModel) -> Iterator[bytes]:
    """Every ONNX form that the converters make of a model, best first. Parity decides whether one is right.

    Raises `NotConvertible` when there is none, `PublishRefused` when the converter that it needs is not installed.
    """
    _register_boosters(model.estimator)
    estimator = fold(_adapted(model.estimator), model.columns)
    reason: Exception | None = None
    found = False
    for tensor in (DoubleTensorType, FloatTensorType):
        # A pipeline that selects columns by name needs an input for each; any other is content with one.
        for by_name in (False, True):
            try:
                form = _convert(estimator, model.columns, len(model.classes), tensor, by_name=by_name)
            except Exception as error:  # noqa: BLE001  The converters raise anything, and each estimator's something else.
                reason = reason or error
                continue
            found = True
            yield form
            break
    if not found and reason is not None:
        cause = reason.__cause__ or reason
        raise NotConvertible(type(model.estimator).__name__, describe_error(cause)) from reason


def _convert(estimator: Any, columns: Sequence[str], classes: int, tensor: type[Any], *, by_name: bool) -> bytes:
    inputs = [(name, tensor([None, 1])) for name in columns] if by_name else [("columns", tensor([None, len(columns)]))]
    with warnings.catch_warnings():
        # Warnings of the converters and their libraries; parity measures whether the result is right.
        warnings.simplefilter("ignore")
        converted = convert_sklearn(estimator, GRAPH_NAME, inputs, options={"zipmap": False}, target_opset=dict(_OPSET))
        model = select_model_inputs_outputs(converted, [OUTPUT])  # Leaves out what only the label needs.
    _wrap(model, [name for name, _ in inputs], classes, width=len(columns), double=tensor is DoubleTensorType)
    form: bytes = model.SerializeToString(deterministic=True)
    return form


def _wrap(model: ModelProto, inputs: Sequence[str], classes: int, *, width: int, double: bool) -> None:
    """Put the engine's signature around a converted graph, in place: casts, and one tensor split into its columns."""
    graph = model.graph
    _rename(graph, {name: _INNER + name for name in (*inputs, OUTPUT)})
    source = INPUT
    before: list[NodeProto] = []
    if double:
        before.append(helper.make_node("Cast", [INPUT], [source := "features_as_double"], to=TensorProto.DOUBLE))
    if len(inputs) == width > 1:
        for position, name in enumerate(inputs):
            graph.initializer.append(from_array(np.array([position], dtype=np.int64), f"position_{position}"))
            before.append(
                helper.make_node(
                    "ArrayFeatureExtractor", [source, f"position_{position}"], [_INNER + name], domain="ai.onnx.ml"
                )
            )
    else:
        before.append(helper.make_node("Identity", [source], [_INNER + inputs[0]]))
    after = helper.make_node("Cast", [_INNER + OUTPUT], [OUTPUT], to=TensorProto.FLOAT)
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


def _rename(graph: GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _adapted(estimator: Any) -> Any:
    """A copy without settings that the converters fail on and that change no answer."""
    adapted = copy.deepcopy(estimator)
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


def _register_boosters(estimator: Any) -> None:
    """Tell skl2onnx how to convert the boosters that are in the estimator. Imports onnxmltools only then."""
    modules = modules_of(estimator) & BOOSTERS
    if not modules:
        return
    try:
        import onnxmltools  # noqa: F401
    except ModuleNotFoundError as error:
        raise PublishRefused(
            f"converting an estimator of {' and '.join(sorted(modules))} needs onnxmltools, which is not installed:"
            " pip install onnxmltools (or publish only the pickles, with --without-onnx)"
        ) from error
    if "xgboost" in modules:
        from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
        from xgboost import XGBClassifier

        _register(XGBClassifier, convert_xgboost)
    if "lightgbm" in modules:
        from lightgbm import LGBMClassifier
        from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

        _register(LGBMClassifier, convert_lightgbm)


def _register(kind: type[Any], convert: Callable[[Any, Any, Any], None]) -> None:
    update_registered_converter(
        kind,
        f"Booster{kind.__name__}",
        calculate_linear_classifier_output_shapes,
        convert,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )
