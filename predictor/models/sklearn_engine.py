"""The fitted estimator itself: a data frame with the columns that it was fitted on, and `predict_proba`.

A hundred times slower than the ONNX engine, and it imports pandas and scikit-learn. It serves estimators that have no
ONNX form, and publishing compares the ONNX form with it. The bytes that are unpickled here have been verified.
"""

import io
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import joblib
import numpy as np
import pandas as pd
from sklearn.exceptions import InconsistentVersionWarning

from predictor.artifacts import COLUMNS_FILE, LABEL_ENCODER_FILE, MODEL_FILE, InputColumn, Manifest, one_hot_input
from predictor.batch import PenguinColumns
from predictor.errors import LibraryMismatch, UnloadableModel
from predictor.models.engine import Engine
from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, COMBINATIONS, MEASUREMENTS
from predictor.text import describe_error

if TYPE_CHECKING:
    from numpy.typing import NDArray


_MODULES: Final = {"scikit-learn": "sklearn", "xgboost": "xgboost", "lightgbm": "lightgbm"}
"""Libraries whose pickles are only good for the version that wrote them, and the module of each."""


class SklearnEngine(Engine):
    """Runs the estimator's pickle on a data frame."""

    name: Final = "sklearn"
    runtime: Final = "scikit-learn"
    blocking: Final = True

    def __init__(self, files: Mapping[str, bytes], manifest: Manifest) -> None:
        """`files` are the verified bytes of the pickles.

        Raises `LibraryMismatch` when scikit-learn, or a booster that the model needs, is not the manifest's version,
        `UnloadableModel` when a file does not unpickle or does not fit the manifest.
        """
        for library in _MODULES.keys() & {"scikit-learn", *manifest.libraries}:
            check_library(library, manifest)
        file = manifest.estimator_file or MODEL_FILE
        estimator = _unpickle(file, files[file])
        if not hasattr(estimator, "predict_proba"):
            raise UnloadableModel(file, "it is not a classifier with predict_proba")
        if manifest.input is None:
            _check_encoder_and_columns(estimator, files, manifest)
        self._estimator = getattr(estimator, "best_estimator_", estimator)
        self._input = manifest.input or one_hot_input(manifest.columns)
        self._named = getattr(self._estimator, "feature_names_in_", None) is not None or manifest.input is None
        self._classes = len(manifest.classes)

    def probabilities(self, penguin: Penguin) -> list[float]:
        return self.batch_probabilities(PenguinColumns.of((penguin,)))[0].tolist()  # type: ignore[no-any-return]

    def batch_probabilities(self, columns: PenguinColumns) -> "NDArray[np.float64]":
        if not len(columns):
            return np.empty((0, self._classes), dtype=np.float64)
        frame = pd.DataFrame({column.name: _cells(column, columns) for column in self._input})
        values = frame if self._named else frame.to_numpy()
        return np.asarray(self._estimator.predict_proba(values), dtype=np.float64)


def _check_encoder_and_columns(estimator: Any, files: Mapping[str, bytes], manifest: Manifest) -> None:
    """The label encoder and the columns of the replaced service's files must be the manifest's."""
    encoder = _unpickle(LABEL_ENCODER_FILE, files[LABEL_ENCODER_FILE])
    if not hasattr(encoder, "inverse_transform"):
        raise UnloadableModel(LABEL_ENCODER_FILE, "it is not a label encoder")
    if tuple(_unpickle(COLUMNS_FILE, files[COLUMNS_FILE])) != manifest.columns:
        raise UnloadableModel(COLUMNS_FILE, "its columns are not the manifest's")
    classes = tuple(str(name) for name in encoder.inverse_transform(estimator.classes_))
    if classes != manifest.classes:
        raise UnloadableModel(LABEL_ENCODER_FILE, f"its classes are {classes}, the manifest's {manifest.classes}")


def _cells(column: InputColumn, penguins: PenguinColumns) -> "NDArray[Any]":
    """One column of the estimator's input; 0 for a column that no feature gives."""
    if column.feature in MEASUREMENTS:
        return penguins.measurements[:, MEASUREMENTS.index(column.feature)]
    if column.feature not in CATEGORIES:
        return np.zeros(len(penguins))
    values = [values[list(CATEGORIES).index(column.feature)] for values in COMBINATIONS]
    if column.value is not None:
        return np.array([value == column.value for value in values])[penguins.combinations]
    spelled = column.values or {}
    return np.array([spelled.get(value, value) for value in values], dtype=object)[penguins.combinations]


def check_library(library: str, manifest: Manifest) -> None:
    """Raise `LibraryMismatch` unless the installed version is the one that the model was made with."""
    expected = manifest.libraries.get(library, "an unrecorded version")
    try:
        actual = import_module(_MODULES[library]).__version__
    except ImportError:
        actual = "none"
    if actual != expected:
        raise LibraryMismatch(library, expected, actual)


def _unpickle(name: str, data: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            return joblib.load(io.BytesIO(data))
        except Exception as error:  # Unpickling runs the objects' own code, which can raise anything.
            raise UnloadableModel(name, describe_error(error)) from error
