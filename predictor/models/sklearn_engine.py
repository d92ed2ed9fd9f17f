"""The fitted estimator itself, called as the replaced service called it: `get_dummies`, `reindex`, `predict_proba`.

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

from predictor.artifacts import COLUMNS_FILE, LABEL_ENCODER_FILE, MODEL_FILE, PICKLES, Manifest
from predictor.batch import PenguinColumns
from predictor.errors import LibraryMismatch, UnloadableModel
from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, COMBINATIONS, MEASUREMENTS
from predictor.text import describe_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CATEGORY_VALUES: Final = [np.array(values, dtype=object) for values in zip(*COMBINATIONS, strict=True)]
"""For each category, its value in every combination."""

_MODULES: Final = {"scikit-learn": "sklearn", "xgboost": "xgboost", "lightgbm": "lightgbm"}
"""Libraries whose pickles are only good for the version that wrote them, and the module of each."""


class SklearnEngine:
    """Runs `model.pkl` with `label_encoder.pkl` and `columns.pkl`."""

    name: Final = "sklearn"
    runtime: Final = "scikit-learn"
    blocking: Final = True

    def __init__(self, files: Mapping[str, bytes], manifest: Manifest) -> None:
        """`files` are the verified bytes of the three pickles.

        Raises `LibraryMismatch` when scikit-learn, or a booster that the model needs, is not the manifest's version,
        `UnloadableModel` when a file does not unpickle or does not fit the manifest.
        """
        for library in _MODULES.keys() & {"scikit-learn", *manifest.libraries}:
            check_library(library, manifest)
        self._estimator, encoder, columns = (_unpickle(name, files[name]) for name in PICKLES)
        if not hasattr(self._estimator, "predict_proba") or not hasattr(encoder, "inverse_transform"):
            raise UnloadableModel(MODEL_FILE, "it and its label encoder are not a classifier's")
        self._columns = list(columns)
        if tuple(self._columns) != manifest.columns:
            raise UnloadableModel(COLUMNS_FILE, "its columns are not the manifest's")
        classes = tuple(str(name) for name in encoder.inverse_transform(self._estimator.classes_))
        if classes != manifest.classes:
            raise UnloadableModel(LABEL_ENCODER_FILE, f"its classes are {classes}, the manifest's {manifest.classes}")
        self._classes = len(classes)

    def probabilities(self, penguin: Penguin) -> list[float]:
        return self.batch_probabilities(PenguinColumns.of((penguin,)))[0].tolist()  # type: ignore[no-any-return]

    def batch_probabilities(self, columns: PenguinColumns) -> "NDArray[np.float64]":
        if not len(columns):
            return np.empty((0, self._classes), dtype=np.float64)
        frame = pd.DataFrame(columns.measurements, columns=list(MEASUREMENTS))
        for name, values in zip(CATEGORIES, _CATEGORY_VALUES, strict=True):
            frame[name] = values[columns.combinations]
        encoded = pd.get_dummies(frame, columns=list(CATEGORIES)).reindex(columns=self._columns, fill_value=0)
        return np.asarray(self._estimator.predict_proba(encoded), dtype=np.float64)


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
