"""What is in a model's file: an estimator, a label encoder or names. Runs in the worker."""

import sys
from typing import Any, Final

import joblib
import numpy as np

from predictor.errors import PublishRefused
from predictor.text import describe_error

_PACKAGES_ONLY: Final = "build the model from classes and functions of packages only"
_CLASSIFYING: Final = ("binary", "multiclass", "cross_entropy")
"""How the objectives of LightGBM's classifiers begin."""


def open_file(path: str, file_format: str) -> Any:
    """Raises `PublishRefused`, which says what to do. Opening a pickle runs the code in it."""
    try:
        return _open(path, file_format)
    except PublishRefused:
        raise
    except ModuleNotFoundError as error:
        raise PublishRefused(
            f"{path} needs the module {error.name}; if a package holds it, add --with PACKAGE==VERSION, and if it is"
            f" your own, {_PACKAGES_ONLY}"
        ) from error
    except Exception as error:  # Readers of pickles and of models raise anything.
        if isinstance(error, AttributeError) and repr(sys.modules["__main__"]) in str(error):
            raise PublishRefused(f"{path} needs code of the script that saved it; {_PACKAGES_ONLY}") from error
        raise PublishRefused(
            f"{path} cannot be opened ({describe_error(error)}); save it again if it is damaged"
        ) from error


def _open(path: str, file_format: str) -> Any:
    if file_format == "pickle":
        return joblib.load(path)
    if file_format == "skops":
        import skops.io

        return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    if file_format == "xgboost":
        return _xgboost(path)
    if file_format == "lightgbm":
        return LightGbmBooster(path)
    raise PublishRefused(f"{path} cannot be opened here")


def _xgboost(path: str) -> Any:
    from xgboost import XGBClassifier

    model = XGBClassifier()
    model.load_model(path)
    return model


class LightGbmBooster:
    """A booster from its text, with the methods of a classifier."""

    def __init__(self, path: str) -> None:
        from lightgbm import Booster

        self.booster_ = Booster(model_file=path)
        document = self.booster_.dump_model()
        objective = document.get("objective", "")
        if not objective.startswith(_CLASSIFYING):
            raise PublishRefused(
                f"{path} is not a classifier: it was trained for {objective or 'an objective of its own'}"
            )
        count = max(2, document["num_class"])
        self.classes_ = np.arange(count)
        names = self.booster_.feature_name()
        self.n_features_in_ = len(names)
        if not all(name.startswith("Column_") for name in names):
            self.feature_names_in_ = np.array(names, dtype=object)

    def predict_proba(self, features: Any) -> Any:
        values = np.asarray(features, dtype=np.float64)
        raw: Any = self.booster_.predict(values)
        return np.column_stack([1 - raw, raw]) if raw.ndim == 1 else raw

    def predict(self, features: Any) -> Any:
        return self.predict_proba(features).argmax(axis=1)
