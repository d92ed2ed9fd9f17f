"""Opens a model's files and answers questions about it; runs in the environment that fits the model.

A process of its own, so that another version of scikit-learn can be used than the one installed here. It reads one JSON
request per line from stdin and writes one JSON answer per line to stdout: only names and numbers come back, never an
object. `predictor.publishing.remote_model` is the other end.
"""

import base64
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

import numpy as np
import pandas as pd

from predictor.errors import NotCompilable, NotConvertible, NotRefittable, PredictorError, PublishRefused
from predictor.penguin import NOUN_PLURAL
from predictor.publishing.open_file import open_file
from predictor.text import describe_error
from predictor.training.libraries import parts

_LIBRARIES: Final = {
    "scikit-learn": "sklearn",
    "numpy": "numpy",
    "pandas": "pandas",
    "joblib": "joblib",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
}
_COMPILERS: Final = {"onnx": "onnx", "skl2onnx": "skl2onnx", "onnxmltools": "onnxmltools"}


class Model:
    """An opened classifier, with the label encoder and the columns that came with it."""

    def __init__(self, files: Sequence[Mapping[str, str]]) -> None:
        """`files`: `path` and `format` of each. Opening a pickle runs the code in it."""
        self.encoder: Any = None
        self.columns: list[str] | None = None
        self.estimator: Any = None
        self.roles: dict[str, str] = {}
        self.from_booster = any(file["format"] in ("xgboost", "lightgbm") for file in files)
        for file in files:
            self._place(file["path"], open_file(file["path"], file["format"]))
        if self.estimator is None:
            raise PublishRefused("none of the files holds a classifier")
        best = getattr(self.estimator, "best_estimator_", None)
        if best is not None:  # A search: what is served is what it found.
            self.estimator = best

    def _place(self, path: str, value: Any) -> None:
        if hasattr(value, "predict"):
            if self.estimator is not None:
                raise PublishRefused(f"{path} is a second model; publish one at a time")
            self.estimator = value
            self.roles[path] = "estimator"
        elif hasattr(value, "inverse_transform") and hasattr(value, "classes_"):
            self.encoder = value
            self.roles[path] = "label_encoder"
        elif not isinstance(value, str | bytes | dict) and hasattr(value, "__iter__"):
            names = list(value)
            if not all(isinstance(name, str) for name in names):
                raise PublishRefused(f"{path} holds a {type(value).__name__} that is not a list of column names")
            self.columns = [str(name) for name in names]
            self.roles[path] = "columns"
        else:
            raise PublishRefused(
                f"{path} holds a {type(value).__name__}, expected a classifier, a label encoder or columns"
            )

    def describe(self) -> dict[str, Any]:
        estimator = self.estimator
        kind = type(estimator).__name__
        if not hasattr(estimator, "predict_proba"):
            hint = " (CalibratedClassifierCV adds them)" if hasattr(estimator, "decision_function") else ""
            raise PublishRefused(f"a {kind} gives no probabilities{hint}; a classifier with predict_proba is needed")
        try:
            classes = list(estimator.classes_)
        except Exception as error:
            raise PublishRefused(f"the {kind} is not fitted; call fit before saving it") from error
        names = getattr(estimator, "feature_names_in_", getattr(estimator, "feature_name_", None))
        return {
            "estimator": kind,
            "parameters": " ".join(repr(estimator).split()),
            "feature_names": None if names is None else [str(name) for name in names],
            "features": int(getattr(estimator, "n_features_in_", 0)) or None,
            "columns": self.columns,
            "classes": [name if isinstance(name, str) else int(name) for name in np.asarray(classes).tolist()],
            "encoder_classes": None if self.encoder is None else [str(name) for name in self.encoder.classes_],
            "categories": sorted({value for values in _fitted_categories(estimator) for value in values}),
            "libraries": _versions(_LIBRARIES),
            "roles": self.roles,
        }

    @property
    def named(self) -> bool:
        """Whether the estimator knows its columns by name."""
        return getattr(self.estimator, "feature_names_in_", None) is not None

    def frame(self, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> Any:
        """The input as the estimator was fitted: a frame, or an array where it does not know names."""
        frame = pd.DataFrame(dict(zip(names, columns, strict=True)), columns=list(names))
        return frame if self.named else _array(frame)

    def probabilities(self, request: Mapping[str, Any]) -> list[list[float]]:
        answered = self._score(self.estimator.predict_proba, request)
        return np.asarray(answered, dtype=np.float64).tolist()  # type: ignore[no-any-return]

    def predictions(self, request: Mapping[str, Any]) -> list[Any]:
        """The index of the predicted class in `classes`, for each row."""
        predicted = np.asarray(self._score(self.estimator.predict, request)).ravel()
        indexes = {name: index for index, name in enumerate(np.asarray(self.estimator.classes_).tolist())}
        return [indexes[name] for name in predicted.tolist()]

    def _score(self, method: Callable[[Any], Any], request: Mapping[str, Any]) -> Any:
        try:
            return method(self.frame(request["names"], request["columns"]))
        except Exception as error:
            columns = zip(request["names"], request["columns"], strict=True)
            texts = " and ".join(name for name, cells in columns if isinstance(cells[0], str))
            hint = f"; save a Pipeline that encodes {texts} itself" if texts else ""
            kind = type(self.estimator).__name__
            raise PublishRefused(f"the {kind} cannot score {NOUN_PLURAL} ({describe_error(error)}){hint}") from error


def _onnx(model: Model, request: Mapping[str, Any]) -> dict[str, Any]:
    """Every ONNX form in base64, or the reason why there is none."""
    from predictor.training.onnx_form import forms

    try:
        found = list(forms(model.estimator, request["names"], request["classes"], request["strings"]))
    except NotConvertible as error:
        return {"reason": error.reason}
    forms_as_text = [base64.b64encode(form).decode() for form in found]
    return {"forms": forms_as_text, "libraries": _versions(_COMPILERS)}


def _compiled(model: Model, request: Mapping[str, Any]) -> dict[str, str]:
    """The content of `compiled.json`, or the reason why there is none."""
    from predictor.artifacts import InputColumn
    from predictor.models.compiled import form_to_bytes
    from predictor.training.compile import compile_estimator

    try:
        form = compile_estimator(model.estimator, [InputColumn(**column) for column in request["input"]])
    except NotCompilable as error:
        return {"reason": error.reason}
    return {"form": form_to_bytes(form).decode()}


def _refit(model: Model, request: Mapping[str, Any]) -> dict[str, Any]:
    """Out-of-fold probabilities, or the reason why there are none."""
    from predictor.training.refitting import refit

    if model.from_booster:
        return {"reason": "a booster's own file does not say how it was fitted"}
    frame = model.frame(request["names"], request["columns"])
    try:
        return {"probabilities": refit(model.estimator, frame, request["classes"], request["folds"]).tolist()}
    except NotRefittable as error:
        return {"reason": str(error)}


def _array(frame: pd.DataFrame) -> Any:
    return frame.to_numpy(dtype=np.float64) if all(kind.kind in "bif" for kind in frame.dtypes) else frame.to_numpy()


def _fitted_categories(estimator: Any) -> Iterator[list[str]]:
    """The strings that fitted encoders inside the estimator know."""
    for part in parts(estimator):
        for values in getattr(part, "categories_", None) or ():
            yield [str(value) for value in values if isinstance(value, str)]


def _versions(modules: Mapping[str, str]) -> dict[str, str]:
    """Distribution name -> version of those that are imported."""
    found = {}
    for name, module in modules.items():
        if module in sys.modules:
            found[name] = str(getattr(import_module(module), "__version__", "unknown"))
    return found


def serve(requests: Any, answers: Any) -> None:
    """Answer until stdin ends."""
    model: Model | None = None
    for line in requests:
        request = json.loads(line)
        try:
            if request["call"] == "open":
                model = Model(request["files"])
                answer: Any = model.describe()
            elif model is None:
                raise PublishRefused("no model is open")
            else:
                answer = _CALLS[request["call"]](model, request)
            document = {"answer": answer}
        except PredictorError as error:
            document = {"error": str(error)}
        except Exception as error:  # noqa: BLE001  Estimators and their pickles raise anything.
            document = {"error": describe_error(error)}
        answers.write(json.dumps(document) + "\n")
        answers.flush()


_CALLS: Final[dict[str, Callable[[Model, Mapping[str, Any]], Any]]] = {
    "probabilities": Model.probabilities,
    "predictions": Model.predictions,
    "onnx": _onnx,
    "compiled": _compiled,
    "refit": _refit,
}


def main() -> None:
    # Whatever the model's code prints must not end up between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    warnings.simplefilter("ignore")
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
