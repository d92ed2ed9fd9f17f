from importlib.metadata import version
from typing import Any

import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from predictor.training.libraries import modules_of, parts, versions


def test_every_estimator_inside_another_is_found() -> None:
    scaler, forest, regression = StandardScaler(), RandomForestClassifier(), LogisticRegression()
    vote = VotingClassifier([("forest", forest), ("regression", regression)])
    pipeline = make_pipeline(make_column_transformer((scaler, [0])), vote)
    found = list(parts(pipeline))
    assert all(any(part is item for item in found) for part in (pipeline, scaler, forest, regression, vote))


def test_an_estimator_that_holds_itself_is_found_once() -> None:
    regression: Any = LogisticRegression()
    regression.me = [regression]
    assert list(parts(regression)) == [regression]


def test_a_plain_model_needs_scikit_learn_and_what_it_rests_on() -> None:
    assert modules_of(LogisticRegression()) == {"sklearn"}
    assert list(versions(LogisticRegression(), compiled=False)) == ["joblib", "numpy", "pandas", "scikit-learn"]


def test_an_onnx_form_adds_its_compilers() -> None:
    found = versions(LogisticRegression(), compiled=True)
    assert {"onnx", "skl2onnx"} < found.keys()
    assert found["scikit-learn"] == version("scikit-learn")
    assert "onnxmltools" not in found


@pytest.mark.parametrize("alone", [True, False])
def test_a_booster_is_recorded_under_its_usual_name(alone: bool) -> None:
    xgboost = pytest.importorskip("xgboost")
    booster = xgboost.XGBClassifier()
    estimator = booster if alone else make_pipeline(StandardScaler(), booster)
    found = versions(estimator, compiled=True)
    assert found["xgboost"] == xgboost.__version__
    assert "xgboost-cpu" not in found
    assert "onnxmltools" in found
