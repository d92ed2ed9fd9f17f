from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, StandardScaler

from predictor.training.dataset import Dataset
from predictor.training.fitted_model import ENCODED, encode
from predictor.training.folding import fold


def regression() -> LogisticRegression:
    return LogisticRegression(max_iter=5000)


FOLDABLE: dict[str, Callable[[], Any]] = {
    "scaler": lambda: make_pipeline(StandardScaler(), regression()),
    "scaler without mean": lambda: make_pipeline(StandardScaler(with_mean=False), regression()),
    "columns by position": lambda: make_pipeline(
        make_column_transformer((StandardScaler(), [3, 0]), ("passthrough", [4, 5]), ("drop", [1])), regression()
    ),
    "columns by name, the rest as it is": lambda: make_pipeline(
        make_column_transformer((StandardScaler(), list(ENCODED[:4])), remainder="passthrough"), regression()
    ),
}
OTHERS: dict[str, Callable[[], Any]] = {
    "another scaler": lambda: make_pipeline(MinMaxScaler(), regression()),
    "two scalers": lambda: make_pipeline(StandardScaler(), StandardScaler(), regression()),
    "no pipeline": regression,
    "columns by slice": lambda: make_pipeline(make_column_transformer((StandardScaler(), slice(0, 4))), regression()),
}


def fitted(estimator: Any, dataset: Dataset) -> Any:
    return estimator.fit(encode(dataset.penguins), LabelEncoder().fit_transform(dataset.labels))


@pytest.mark.parametrize("kind", FOLDABLE)
def test_a_folded_regression_answers_as_the_pipeline_does(kind: str, dataset: Dataset) -> None:
    estimator = fitted(FOLDABLE[kind](), dataset)
    folded = fold(estimator, ENCODED)
    assert isinstance(folded, LogisticRegression)
    frame = encode(dataset.penguins)
    expected = estimator.predict_proba(frame)
    assert np.abs(folded.predict_proba(frame.to_numpy(dtype=float)) - expected).max() < 1e-9


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_not_known_stays_as_it_is(kind: str, dataset: Dataset) -> None:
    estimator = fitted(OTHERS[kind](), dataset)
    assert fold(estimator, ENCODED) is estimator
