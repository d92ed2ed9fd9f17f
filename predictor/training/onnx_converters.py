"""Converters that skl2onnx lacks or gets wrong: of XGBoost, LightGBM and scikit-learn's histogram boosting."""

from collections.abc import Callable
from typing import Any

from skl2onnx import update_registered_converter
from skl2onnx.common._registration import get_converter
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from sklearn.ensemble import HistGradientBoostingClassifier

from predictor.errors import NotConvertible, PublishRefused
from predictor.training.libraries import BOOSTERS, modules_of, parts


def register_converters(estimator: Any) -> None:
    """Give skl2onnx the converters that this estimator needs.

    Raises `NotConvertible` when there is none for it, `PublishRefused` when one is not installed.
    """
    _register_boosters(estimator)
    _register_histogram_boosting(estimator)


def _register_boosters(estimator: Any) -> None:
    """Of XGBoost and LightGBM. Imports onnxmltools only if one of them is in the estimator."""
    modules = modules_of(estimator) & BOOSTERS
    if not modules:
        return
    try:
        import onnxmltools  # noqa: F401
    except ModuleNotFoundError as error:
        raise PublishRefused(
            f"converting an estimator of {' and '.join(sorted(modules))} needs {error.name}, which is not installed;"
            " install it, or publish only the pickles with --without-onnx"
        ) from error
    if "xgboost" in modules:
        from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
        from xgboost import XGBClassifier

        _register(XGBClassifier, convert_xgboost)
    if "lightgbm" in modules:
        from lightgbm import LGBMClassifier
        from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

        _register(LGBMClassifier, convert_lightgbm)


def _register_histogram_boosting(estimator: Any) -> None:
    """skl2onnx 1.20 writes booleans into this one's trees, which onnx has refused since 1.19."""
    boosted = (part for part in parts(estimator) if isinstance(part, HistGradientBoostingClassifier))
    if any(getattr(part, "is_categorical_", None) is not None for part in boosted):
        raise NotConvertible(type(estimator).__name__, "the converter does not know splits by category")
    convert = get_converter("SklearnHistGradientBoostingClassifier")

    def with_whole_numbers(scope: Any, operator: Any, container: Any) -> None:
        convert(scope, operator, _WholeNumbers(container))

    _register(HistGradientBoostingClassifier, with_whole_numbers)


class _WholeNumbers:
    """A container of nodes that turns booleans into the whole numbers that ONNX has instead."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, *arguments: Any, **attributes: Any) -> Any:
        missing = "nodes_missing_value_tracks_true"
        if missing in attributes:
            attributes[missing] = [int(value) for value in attributes[missing]]
        return self._container.add_node(*arguments, **attributes)


def _register(kind: type[Any], convert: Callable[[Any, Any, Any], None]) -> None:
    update_registered_converter(
        kind,
        f"Predictor{kind.__name__}",
        calculate_linear_classifier_output_shapes,
        convert,
        options={
            "nocl": [True, False],
            "output_class_labels": [True, False],
            "raw_scores": [True, False],
            "zipmap": [True, False],
        },
    )
