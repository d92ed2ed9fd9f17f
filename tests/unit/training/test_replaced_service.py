from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from predictor.training.replaced_service import open_pickles
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from predictor.errors import PublishRefused
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import ENCODED, FittedModel, encode

NAMES = ("model.pkl", "label_encoder.pkl", "columns.pkl")


@pytest.fixture
def three(tmp_path: Path, model: FittedModel) -> tuple[Path, Path, Path]:
    values = (model.estimator, model.label_encoder, list(model.columns))
    for name, value in zip(NAMES, values, strict=True):
        joblib.dump(value, tmp_path / name)
    return tmp_path / NAMES[0], tmp_path / NAMES[1], tmp_path / NAMES[2]


def test_columns_may_be_any_sequence_of_names(three: tuple[Path, Path, Path], dataset: Dataset) -> None:
    published = set()
    for columns in (list(ENCODED), tuple(ENCODED), np.array(ENCODED), pd.Index(ENCODED)):
        joblib.dump(columns, three[2])
        source = open_pickles(three, dataset, lambda _: None)
        assert source.model.columns == ENCODED
        published.add(source.pickles["columns.pkl"])
    assert len(published) == 1


def test_the_estimator_is_published_byte_for_byte(three: tuple[Path, Path, Path], dataset: Dataset) -> None:
    source = open_pickles(three, dataset, lambda _: None)
    assert source.pickles["model.pkl"] == three[0].read_bytes()
    assert source.training_data_sha256 is None
    assert "Publishing knows neither how the model was made nor on which rows" in source.card


def test_a_column_that_the_encoding_never_gives_is_reported(
    three: tuple[Path, Path, Path], dataset: Dataset, model: FittedModel
) -> None:
    columns = (*ENCODED, "island_Cormorant")
    classes = model.label_encoder.transform(dataset.labels)
    joblib.dump(LogisticRegression(max_iter=5000).fit(encode(dataset.penguins, columns), classes), three[0])
    joblib.dump(list(columns), three[2])
    told: list[str] = []
    source = open_pickles(three, dataset, told.append)
    assert any("island_Cormorant" in sentence for sentence in told)
    assert "island_Cormorant" in source.card


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("bill_length_mm", "expected a list"),
        ([], "does not hold column names"),
        ([1, 2], "does not hold column names"),
        ([*ENCODED, ENCODED[0]], "names a column twice"),
        (["a", "b"], "names none of"),
        (list(ENCODED[:4]), "do not fit together"),
    ],
)
def test_columns_that_cannot_be_right_are_refused(
    three: tuple[Path, Path, Path], dataset: Dataset, columns: object, message: str
) -> None:
    joblib.dump(columns, three[2])
    with pytest.raises(PublishRefused, match=message):
        open_pickles(three, dataset, lambda _: None)


def test_a_label_encoder_that_is_none_is_refused(three: tuple[Path, Path, Path], dataset: Dataset) -> None:
    joblib.dump({"Adelie": 0}, three[1])
    with pytest.raises(PublishRefused, match="no label encoder"):
        open_pickles(three, dataset, lambda _: None)


def test_a_classifier_of_a_single_class_is_refused(three: tuple[Path, Path, Path], dataset: Dataset) -> None:
    joblib.dump(DummyClassifier().fit(encode(dataset.penguins), [0] * len(dataset.rows)), three[0])
    with pytest.raises(PublishRefused, match="knows only the class Adelie"):
        open_pickles(three, dataset, lambda _: None)


def test_it_says_that_opening_runs_code_before_it_opens_anything(tmp_path: Path, dataset: Dataset) -> None:
    said: list[str] = []
    with pytest.raises(PublishRefused, match=r"model\.pkl cannot be read: No such file"):
        open_pickles((tmp_path / NAMES[0], tmp_path / NAMES[1], tmp_path / NAMES[2]), dataset, said.append)
    assert "opening a pickle runs the code in it" in said[0]


def test_the_metrics_are_those_of_the_labelled_rows(
    three: tuple[Path, Path, Path], dataset: Dataset, model: FittedModel
) -> None:
    correct = sum(name == row.label for name, row in zip(model.predict(dataset.penguins), dataset.rows, strict=True))
    source = open_pickles(three, dataset, lambda _: None)
    assert source.metrics == {"data_set_rows": 333.0, "data_set_correct": float(correct)}


def test_a_model_of_other_classes_has_no_metrics(three: tuple[Path, Path, Path], dataset: Dataset) -> None:
    encoder = joblib.load(three[1])
    encoder.classes_ = np.array(["low", "middle", "high"])
    joblib.dump(encoder, three[1])
    source = open_pickles(three, dataset, lambda _: None)
    assert source.metrics == {}
    assert "None: its classes are not those of the labelled rows." in source.card
