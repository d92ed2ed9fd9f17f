import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from predictor.artifacts import Manifest
from predictor.batch import Batch, PenguinColumns
from predictor.errors import MalformedJson
from predictor.models import Engine, LoadedModel, build_engine
from predictor.penguin import Penguin
from predictor.prediction import ModelIdentity
from predictor.service import predict, predict_batch, predict_class
from tests.support.bundles import CLASSES, PublishedBundle, encode, random_penguins
from tests.unit.models.conftest import read_bundle

PENGUINS, _ = random_penguins(20, seed=1)


class FixedEngine(Engine):
    """Probabilities from a seed; a batch in the element type and memory order that some library might return."""

    name = "onnx"
    runtime = "fixed"
    blocking = False

    def __init__(self, dtype: type[np.floating[Any]] = np.float64) -> None:
        self._dtype = dtype

    def probabilities(self, penguin: Penguin) -> list[float]:
        return self.batch_probabilities(PenguinColumns.of([penguin]))[0].tolist()  # type: ignore[no-any-return]

    def batch_probabilities(self, columns: PenguinColumns) -> "np.ndarray[Any, Any]":
        seeds = (columns.measurements[:, 0] * 10).astype(int).tolist()
        rows = [np.random.default_rng(seed).dirichlet((1.0, 1.0, 1.0)) for seed in seeds]
        return np.asfortranarray(np.array(rows, dtype=self._dtype).reshape(len(columns), 3))


@pytest.fixture(params=[np.float32, np.float64])
def model(request: pytest.FixtureRequest, bundle: PublishedBundle) -> LoadedModel:
    manifest = Manifest.from_bytes((bundle.folder / "manifest.json").read_bytes(), None)
    engine: Any = FixedEngine(request.param)
    return LoadedModel(ModelIdentity("v1", bundle.digest), manifest, engine, {})


def test_a_class_is_that_of_the_prediction(model: LoadedModel) -> None:
    for penguin in PENGUINS:
        found = predict(model, penguin)
        assert predict_class(model, penguin) == found.prediction
        assert found.probability == max(found.probabilities.values()) == found.probabilities[found.prediction]
        assert tuple(found.probabilities) == model.manifest.classes
        assert found.model == model.identity


def test_a_batch_has_the_predictions_of_its_penguins(model: LoadedModel) -> None:
    batch = predict_batch(model, Batch.of(PENGUINS))
    assert list(batch) == [predict(model, penguin) for penguin in PENGUINS]


def test_probabilities_of_a_batch_can_be_written_as_they_are(model: LoadedModel) -> None:
    """orjson takes float64 arrays in C order."""
    probabilities = predict_batch(model, Batch.of(PENGUINS)).probabilities
    assert probabilities.dtype == np.float64
    assert probabilities.flags.c_contiguous


def test_a_model_that_answers_in_fortran_order_is_answered_in_c_order(bundle: PublishedBundle) -> None:
    penguins, species = random_penguins(150, seed=1)
    estimator = HistGradientBoostingClassifier(max_iter=5, random_state=0)
    estimator.fit(encode(penguins), [CLASSES.index(name) for name in species])
    changed = read_bundle(bundle, {"model.pkl": pickle.dumps(estimator)})
    engine = build_engine("sklearn", changed)
    assert not engine.batch_probabilities(PenguinColumns.of(penguins)).flags.c_contiguous
    loaded = LoadedModel(ModelIdentity("v1", changed.digest), changed.manifest, engine, {})
    predictions = predict_batch(loaded, Batch.of(penguins))
    assert predictions.probabilities.flags.c_contiguous
    assert len(list(predictions)) == 150


def test_an_invalid_row_keeps_its_place_and_its_error(model: LoadedModel) -> None:
    error = MalformedJson("no reason")
    batch = list(predict_batch(model, Batch.of([error, PENGUINS[0], error])))
    assert (batch[0], batch[2]) == (error, error)
    assert batch[1] == predict(model, PENGUINS[0])


def test_an_empty_batch_has_no_rows(model: LoadedModel) -> None:
    assert list(predict_batch(model, Batch.of([]))) == []
