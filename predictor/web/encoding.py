"""From predictions to bytes: last step of the flow.

The plain answer has one of as many bodies as there are classes, so they are made once.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson

from predictor.decoding import Batch
from predictor.errors import InvalidInput
from predictor.models.loader import LoadedModel
from predictor.prediction import Prediction
from predictor.service import predict
from predictor.web.problems import violations_as_dicts


@lru_cache(maxsize=64)
def plain_body(species: str) -> bytes:
    """Exactly `{"prediction":"Adelie"}`."""
    return orjson.dumps({"prediction": species})


def detailed_body(prediction: Prediction) -> bytes:
    return orjson.dumps(prediction)


def batch_body(model: LoadedModel, batch: Batch) -> bytes:
    """`{"predictions": [...]}` in order: a detailed prediction, or the error of a row that is none."""
    predictions = iter(predict(model, [row for row in batch.rows if not isinstance(row, InvalidInput)]))
    rows: Sequence[Any] = [row_error(row) if isinstance(row, InvalidInput) else next(predictions) for row in batch.rows]
    return orjson.dumps({"predictions": rows})


def row_error(error: InvalidInput) -> dict[str, Any]:
    return {"error": {"detail": str(error), "errors": violations_as_dicts(error.violations)}}
