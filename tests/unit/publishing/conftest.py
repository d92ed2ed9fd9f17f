from pathlib import Path

import joblib
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

from predictor.schema import CATEGORIES, FEATURES, MEASUREMENTS
from predictor.training.dataset import Dataset, load_penguins


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return load_penguins()


def raw_frame(dataset: Dataset) -> pd.DataFrame:
    """The features as a data scientist has them."""
    return pd.DataFrame([penguin.model_dump() for penguin in dataset.penguins])[list(FEATURES)]


def pipeline() -> Pipeline:
    columns = make_column_transformer((StandardScaler(), list(MEASUREMENTS)), (OneHotEncoder(), list(CATEGORIES)))
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


@pytest.fixture(scope="session")
def files(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`pipeline.joblib` on raw columns; `model.pkl`, `label_encoder.pkl` and `columns.pkl` on one-hot columns."""
    folder = tmp_path_factory.mktemp("files")
    frame = raw_frame(dataset)
    joblib.dump(pipeline().fit(frame, dataset.labels), folder / "pipeline.joblib")
    encoder = LabelEncoder().fit(dataset.labels)
    dummies = pd.get_dummies(frame, columns=list(CATEGORIES))
    forest = RandomForestClassifier(20, random_state=0).fit(dummies, encoder.transform(dataset.labels))
    joblib.dump(forest, folder / "model.pkl")
    joblib.dump(encoder, folder / "label_encoder.pkl")
    joblib.dump(list(dummies.columns), folder / "columns.pkl")
    return folder
