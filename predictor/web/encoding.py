"""From predictions to bytes: last step of the flow.

The plain answer has one of as many bodies as there are classes, so they are made once.
"""

from functools import lru_cache
from typing import Any

import orjson

from predictor.decoding import Batch
from predictor.errors import InvalidInput
from predictor.models.loader import LoadedModel
from predictor.prediction import Prediction, Predictions
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
    good = iter(_detailed_rows(predict(model, [row for row in batch.rows if not isinstance(row, InvalidInput)])))
    return orjson.dumps(
        {"predictions": [row_error(row) if isinstance(row, InvalidInput) else next(good) for row in batch.rows]}
    )


def row_error(error: InvalidInput) -> dict[str, Any]:
    return {"error": {"detail": str(error), "errors": violations_as_dicts(error.violations)}}


def _detailed_rows(predictions: Predictions) -> list[dict[str, Any]]:
    """The same documents as `detailed_body`, from columns: a fifth of the time for a thousand rows."""
    classes = predictions.classes
    model = orjson.Fragment(orjson.dumps(predictions.model))
    rows = []
    for row in predictions.probabilities:
        probability = max(row)
        rows.append(
            {
                "prediction": classes[row.index(probability)],
                "probability": probability,
                "probabilities": dict(zip(classes, row, strict=True)),
                "model": model,
            }
        )
    return rows
