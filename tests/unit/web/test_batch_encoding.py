"""A batch's rows are the same documents as single answers, whatever the names in them."""

from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import orjson
from predictor.web.encoding import batch_body, detailed_body

from predictor.decoding import Batch
from predictor.errors import InvalidInput, Violation
from predictor.models.loader import LoadedModel
from predictor.prediction import ModelIdentity
from predictor.service import predict
from tests.support.bundles import random_penguins

CLASSES = ("Adelie", '100% "Chinstrap"', "Gentoo é")


class FixedEngine:
    """Probabilities from a seed, whatever the birds."""

    name = "onnx"
    blocking = False

    def __init__(self, dtype: type[np.floating[Any]]) -> None:
        self._dtype = dtype

    def rows(self, penguins: Any) -> Any:
        return self.batch_probabilities(penguins).tolist()

    def batch_probabilities(self, columns: Any) -> Any:
        rows = np.random.default_rng(len(columns)).dirichlet((0.01, 0.01, 0.01), len(columns))
        return rows.astype(self._dtype)


def model(dtype: type[np.floating[Any]] = np.float32) -> LoadedModel:
    manifest: Any = SimpleNamespace(classes=CLASSES)
    engine: Any = FixedEngine(dtype)
    return LoadedModel(ModelIdentity("1%", "sha256:%b"), manifest, engine, dict(MappingProxyType({})))


def test_a_batchs_row_is_the_document_of_a_single_answer() -> None:
    penguins, _ = random_penguins(200, seed=1)
    for dtype in (np.float32, np.float64):
        loaded = model(dtype)
        body = batch_body(loaded, Batch(penguins))
        single = [detailed_body(prediction) for prediction in predict(loaded, penguins)]
        assert body == b'{"predictions":[' + b",".join(single) + b"]}"


def test_errors_stand_where_their_rows_stood() -> None:
    penguins, _ = random_penguins(2, seed=2)
    error = InvalidInput([Violation("/sex", "missing", "Is required.")])
    rows = orjson.loads(batch_body(model(), Batch([error, penguins[0], error, penguins[1]])))["predictions"]
    assert [set(row) & {"error", "prediction"} for row in rows] == [
        {"error"},
        {"prediction"},
        {"error"},
        {"prediction"},
    ]


def test_no_rows_give_no_predictions() -> None:
    assert batch_body(model(), Batch([])) == b'{"predictions":[]}'


def test_only_bad_rows_give_only_errors() -> None:
    error = InvalidInput([Violation("/sex", "missing", "Is required.")])
    assert list(orjson.loads(batch_body(model(), Batch([error])))["predictions"][0]) == ["error"]
