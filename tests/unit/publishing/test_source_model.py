from collections.abc import Sequence
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelEncoder
from xgboost import XGBClassifier

from predictor.errors import PublishRefused
from predictor.publishing.source_model import Options, open_sources
from predictor.schema import CATEGORIES, FEATURES, MEASUREMENTS
from predictor.training.dataset import Dataset
from tests.unit.publishing.conftest import pipeline, raw_frame

CLASSES = ("Adelie", "Chinstrap", "Gentoo")


def refusal(paths: Sequence[Path], columns: tuple[str, ...] = (), classes: tuple[str, ...] = ()) -> str:
    with pytest.raises(PublishRefused) as caught, open_sources(paths, Options(columns, classes), lambda _: None):
        pass  # pragma: no cover
    return str(caught.value)


def test_a_pipeline_answers_in_terms_of_the_service(files: Path, dataset: Dataset) -> None:
    model = joblib.load(files / "pipeline.joblib")
    with open_sources([files / "pipeline.joblib"], Options(), lambda _: None) as opened:
        assert (opened.name, opened.classes, opened.columns) == ("Pipeline", CLASSES, FEATURES)
        assert list(opened.pickles) == ["pipeline.pkl"]
        probabilities = opened.probabilities(dataset.penguins)
        assert np.abs(probabilities - model.predict_proba(raw_frame(dataset))).max() < 1e-12
        assert opened.predict(dataset.penguins) == model.predict(raw_frame(dataset)).tolist()
        assert next(opened.onnx_forms())
        assert "skl2onnx" in opened.libraries(compiled=True)
        assert "skl2onnx" not in opened.libraries(compiled=False)
        assert opened.parameters.startswith("Pipeline(steps=")


def test_three_files_keep_their_names_and_bytes(files: Path) -> None:
    names = ["label_encoder.pkl", "columns.pkl", "model.pkl"]
    with open_sources([files / name for name in names], Options(), lambda _: None) as opened:
        assert dict(opened.pickles) == {name: (files / name).read_bytes() for name in names}
        assert opened.classes == CLASSES


def test_values_in_another_style_reach_the_model_in_it(dataset: Dataset, tmp_path: Path) -> None:
    frame = raw_frame(dataset)
    frame["sex"] = frame["sex"].str.capitalize()
    frame["island"] = frame["island"].str.upper()
    model = pipeline().fit(frame, dataset.labels)
    joblib.dump(model, tmp_path / "model.pkl")
    with open_sources([tmp_path / "model.pkl"], Options(), lambda _: None) as opened:
        assert np.abs(opened.probabilities(dataset.penguins) - model.predict_proba(frame)).max() < 1e-12


def test_some_features_are_enough(dataset: Dataset, tmp_path: Path) -> None:
    frame = raw_frame(dataset)[list(MEASUREMENTS[:2])]
    model = LogisticRegression(max_iter=1000).fit(frame, dataset.labels)
    joblib.dump(model, tmp_path / "model.pkl")
    with open_sources([tmp_path / "model.pkl"], Options(), lambda _: None) as opened:
        assert opened.columns == MEASUREMENTS[:2]
        assert np.abs(opened.probabilities(dataset.penguins) - model.predict_proba(frame)).max() < 1e-12


@pytest.fixture(scope="module")
def dummies(dataset: Dataset) -> pd.DataFrame:
    return pd.get_dummies(raw_frame(dataset), columns=list(CATEGORIES)).astype(float)


@pytest.fixture(scope="module")
def unnamed(dataset: Dataset, dummies: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows neither the names of its columns nor those of its classes."""
    path = tmp_path_factory.mktemp("unnamed") / "model.pkl"
    numbers = LabelEncoder().fit_transform(dataset.labels)
    joblib.dump(RandomForestClassifier(5, random_state=0).fit(dummies.to_numpy(), numbers), path)
    return path


def test_names_come_from_files_for_a_model_without(
    unnamed: Path, dummies: pd.DataFrame, dataset: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "columns.txt").write_text("\n".join(dummies.columns))
    (tmp_path / "classes.txt").write_text("adelie\nchinstrap\ngentoo\n")
    paths = [unnamed, tmp_path / "columns.txt", tmp_path / "classes.txt"]
    with open_sources(paths, Options(), lambda _: None) as opened:
        assert opened.classes == CLASSES
        expected = joblib.load(unnamed).predict_proba(dummies.to_numpy())
        assert np.abs(opened.probabilities(dataset.penguins) - expected).max() < 1e-12


def test_a_model_without_column_names_needs_them(unnamed: Path) -> None:
    assert "was fitted without column names; give them" in refusal([unnamed])


@pytest.mark.slow
def test_all_columns_must_be_named(unnamed: Path) -> None:
    assert "takes 9 columns, named are 1" in refusal([unnamed], columns=("sex",), classes=CLASSES)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        pytest.param((), "classes are the numbers 0, 1, 2; add the label encoder", marks=pytest.mark.slow),
        pytest.param(CLASSES[:2], "has 3 classes, and 2 are named", marks=pytest.mark.slow),
        (("a", "b", "c"), "this service's species is one of Adelie"),
        pytest.param(("Adelie", "Gentoo", "adelie"), "each needs a name of its own", marks=pytest.mark.slow),
    ],
)
def test_classes_that_do_not_fit_are_refused(
    unnamed: Path, dummies: pd.DataFrame, classes: tuple[str, ...], message: str
) -> None:
    assert message in refusal([unnamed], columns=tuple(dummies.columns), classes=classes)


def test_strings_that_are_not_known_here_are_renamed_and_known_ones_stay(dataset: Dataset, tmp_path: Path) -> None:
    features = raw_frame(dataset)[["bill_length_mm", "bill_depth_mm"]]
    labels = np.array([row.label for row in dataset.rows])
    for spelled in (labels, np.char.add("Pygoscelis ", labels)):
        joblib.dump(LogisticRegression(max_iter=1000).fit(features, spelled), tmp_path / "model.pkl")
        with open_sources([tmp_path / "model.pkl"], Options(classes=CLASSES), lambda _: None) as opened:
            assert opened.classes == CLASSES
            assert opened.predict(dataset.penguins[:1]) == [CLASSES[0]]
    assert "If only the names differ" in refusal([tmp_path / "model.pkl"])


def test_boosters_own_formats_are_opened(dummies: pd.DataFrame, dataset: Dataset, tmp_path: Path) -> None:
    numbers = LabelEncoder().fit_transform(dataset.labels)
    xgboost = XGBClassifier(n_estimators=5).fit(dummies, numbers)
    xgboost.get_booster().save_model(tmp_path / "model.ubj")
    lightgbm = LGBMClassifier(n_estimators=5, verbose=-1).fit(dummies, numbers)
    lightgbm.booster_.save_model(str(tmp_path / "model.txt"))
    for name, model in (("model.ubj", xgboost), ("model.txt", lightgbm)):
        with open_sources([tmp_path / name], Options(classes=CLASSES), lambda _: None) as opened:
            assert np.abs(opened.probabilities(dataset.penguins) - model.predict_proba(dummies)).max() < 1e-6
            assert opened.pickles == {}


def test_other_columns_than_the_models_are_refused(files: Path) -> None:
    message = refusal([files / "pipeline.joblib"], columns=("sex",))
    assert message.startswith("the model was fitted with other columns than given; they differ in bill_depth_mm")


def test_files_of_different_versions_are_refused(tmp_path: Path) -> None:
    for version in (b"1.3.2", b"1.5.2"):
        state = b"\x80\x04_sklearn_version\x94\x8c\x05" + version
        (tmp_path / f"{version.decode()}.pkl").write_bytes(state)
    message = refusal(sorted(tmp_path.iterdir()))
    assert message.endswith(
        "were written with scikit-learn 1.3.2 and 1.5.2; say which one opens both: --with scikit-learn==1.5.2"
    )


@pytest.mark.parametrize(
    ("module", "hint"), [(b"catboost.core", "save it as ONNX"), (b"xgboost.sklearn", "add --with xgboost==")]
)
def test_a_library_without_a_known_version_is_asked_for(module: bytes, hint: str, tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04" + module)
    assert hint in refusal([tmp_path / "model.pkl"])


def test_lists_of_names_alone_are_no_model(tmp_path: Path) -> None:
    (tmp_path / "columns.txt").write_text("sex")
    assert refusal([tmp_path / "columns.txt"]).endswith("also give the model's file")


def test_onnx_comes_alone(files: Path, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x08\x09\x12\x00")
    assert "is ONNX: give it alone" in refusal([tmp_path / "model.onnx", files / "columns.pkl"])
