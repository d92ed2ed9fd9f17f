"""The worker in this process; `test_remote_model` has it in one of its own."""

import io
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import LabelEncoder
from sklearn.svm import LinearSVC

from predictor.publishing.worker import serve
from predictor.schema import FEATURES
from predictor.training.dataset import Dataset
from tests.support.processes import PROJECT
from tests.unit.publishing.conftest import pipeline, raw_frame

SERVING = ("onnxruntime", "orjson", "starlette", "functions_framework", "cloudevents", "google.cloud", "click")


def ask(*requests: dict[str, Any]) -> list[dict[str, Any]]:
    answers = io.StringIO()
    serve(io.StringIO("".join(json.dumps(request) + "\n" for request in requests)), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def opened(*paths: Path) -> dict[str, Any]:
    return {"call": "open", "files": [{"path": str(path), "format": "pickle"} for path in paths]}


def saved(value: Any, folder: Path, name: str = "model.pkl") -> Path:
    joblib.dump(value, folder / name)
    return folder / name


def test_a_pipeline_describes_itself(files: Path) -> None:
    (document,) = ask(opened(files / "pipeline.joblib"))
    answer = document["answer"]
    assert answer["estimator"] == "Pipeline"
    assert answer["classes"] == ["Adelie", "Chinstrap", "Gentoo"]
    assert answer["feature_names"] == list(FEATURES)
    assert answer["categories"] == ["Biscoe", "Dream", "Torgersen", "female", "male"]
    assert answer["roles"] == {str(files / "pipeline.joblib"): "estimator"}


def test_encoders_inside_a_calibrated_model_are_found(dataset: Dataset, tmp_path: Path) -> None:
    """scikit-learn keeps what it calibrated in helpers that are no estimators themselves."""
    model = CalibratedClassifierCV(pipeline(), cv=2).fit(raw_frame(dataset), dataset.labels)
    (document,) = ask(opened(saved(model, tmp_path)))
    assert document["answer"]["categories"] == ["Biscoe", "Dream", "Torgersen", "female", "male"]


def test_files_in_any_order_find_their_roles(files: Path) -> None:
    names = ["columns.pkl", "label_encoder.pkl", "model.pkl"]
    (document,) = ask(opened(*(files / name for name in names)))
    answer = document["answer"]
    assert list(answer["roles"].values()) == ["columns", "label_encoder", "estimator"]
    assert answer["encoder_classes"] == ["Adelie", "Chinstrap", "Gentoo"]
    assert answer["classes"] == [0, 1, 2]
    assert len(answer["columns"]) == 9


def test_it_answers_with_the_models_numbers(files: Path, dataset: Dataset) -> None:
    frame = raw_frame(dataset)
    request = {"names": list(FEATURES), "columns": [frame[name].tolist() for name in FEATURES]}
    _, probabilities, predictions = ask(
        opened(files / "pipeline.joblib"), {"call": "probabilities", **request}, {"call": "predictions", **request}
    )
    model = joblib.load(files / "pipeline.joblib")
    assert np.array_equal(probabilities["answer"], model.predict_proba(frame))
    assert [model.classes_[place] for place in predictions["answer"]] == model.predict(frame).tolist()


def test_a_search_is_what_it_found(dataset: Dataset, tmp_path: Path) -> None:
    search = GridSearchCV(pipeline(), {"logisticregression__C": [1.0]}, cv=2).fit(raw_frame(dataset), dataset.labels)
    (document,) = ask(opened(saved(search, tmp_path)))
    assert document["answer"]["estimator"] == "Pipeline"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([LabelEncoder().fit(["a", "b"])], "none of the files holds a classifier"),
        ([LogisticRegression()], "is not fitted; call fit before saving it"),
        ([LinearSVC().fit([[0], [1]], [0, 1])], "LinearSVC gives no probabilities (CalibratedClassifierCV adds them)"),
        ([LogisticRegression(), LogisticRegression()], "is a second model; publish one at a time"),
        ([{"a": 1}], "holds a dict, expected a classifier, a label encoder or columns"),
        ([[1, 2]], "holds a list that is not a list of column names"),
    ],
)
def test_what_is_no_classifier_is_refused(values: list[Any], reason: str, tmp_path: Path) -> None:
    (document,) = ask(opened(*(saved(value, tmp_path, f"{place}.pkl") for place, value in enumerate(values))))
    assert reason in document["error"]


def test_a_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(LogisticRegression())[:-20])
    (answer,) = ask(opened(path))
    assert answer["error"].startswith(f"{path} cannot be opened (")
    assert answer["error"].endswith("save it again if it is damaged")


def test_an_error_of_the_models_own_is_one_line(files: Path) -> None:
    request = {"names": ["sex"], "columns": [["male"]]}
    _, document = ask(opened(files / "pipeline.joblib"), {"call": "probabilities", **request})
    assert document["error"].startswith("the Pipeline cannot score penguins (ValueError: ")
    assert document["error"].endswith("); save a Pipeline that encodes sex itself")
    assert "\n" not in document["error"]


def test_nothing_is_answered_before_a_model_is_open() -> None:
    (document,) = ask({"call": "probabilities"})
    assert document == {"error": "no model is open"}


def test_an_onnx_form_comes_as_text_or_a_reason(files: Path) -> None:
    columns = joblib.load(files / "columns.pkl")
    request = {"call": "onnx", "names": columns, "classes": 3, "strings": {}}
    _, document = ask(opened(*(files / name for name in ("model.pkl", "label_encoder.pkl"))), request)
    assert all(isinstance(form, str) for form in document["answer"]["forms"])


def test_it_needs_nothing_that_only_serving_has() -> None:
    """The environment with a model's own versions is made for opening and converting it."""
    modules = ("publishing.worker", "training.onnx_form", "training.compile", "training.refitting", "models.compiled")
    script = "import importlib, sys\n"
    script += f"sys.modules.update(dict.fromkeys({SERVING!r}))\n"  # Importing one of these is then an error.
    script += f"for name in {modules!r}: importlib.import_module(f'predictor.{{name}}')\n"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
