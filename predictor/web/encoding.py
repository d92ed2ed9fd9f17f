"""From predictions to bytes: last step of the flow.

The plain answer has one of as many bodies as there are classes, so they are made once.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from predictor.decoding import Batch
from predictor.errors import InvalidInput
from predictor.models.loader import LoadedModel
from predictor.prediction import Prediction
from predictor.web.problems import violations_as_dicts

if TYPE_CHECKING:
    from predictor.models.columns import PenguinColumns


@lru_cache(maxsize=64)
def plain_body(species: str) -> bytes:
    """Exactly `{"prediction":"Adelie"}`."""
    return orjson.dumps({"prediction": species})


def detailed_body(prediction: Prediction) -> bytes:
    return orjson.dumps(prediction)


def batch_body(model: LoadedModel, batch: Batch) -> bytes:
    """`{"predictions": [...]}` in order: a detailed prediction, or the error of a row that is none."""
    penguins = [row for row in batch.rows if not isinstance(row, InvalidInput)]
    if not penguins:
        rows = [orjson.dumps(row_error(row)) for row in batch.rows if isinstance(row, InvalidInput)]
        return b'{"predictions":[' + b",".join(rows) + b"]}"
    from predictor.models.columns import PenguinColumns  # With numpy, which single birds can do without.

    pieces, per_row = _pieces(model, PenguinColumns.of(penguins))
    if len(penguins) != len(batch.rows):
        starts = iter(range(0, len(pieces), per_row))
        pieces = [
            orjson.dumps(row_error(row)) + b","
            if isinstance(row, InvalidInput)
            else b"".join(pieces[(start := next(starts)) : start + per_row])
            for row in batch.rows
        ]
    return _predictions(pieces)


def columns_body(model: LoadedModel, columns: "PenguinColumns") -> bytes:
    """As `batch_body`, for penguins without fault that are there column by column."""
    return _predictions(_pieces(model, columns)[0])


def _predictions(pieces: Sequence[bytes]) -> bytes:
    # Joined once: an answer of a thousand birds has a quarter of a megabyte, and each copy of it shows.
    return b"".join((b'{"predictions":[', *pieces[:-1], pieces[-1][:-1], b"]}"))  # Without the last comma.


def row_error(error: InvalidInput) -> dict[str, Any]:
    return {"error": {"detail": str(error), "errors": violations_as_dicts(error.violations)}}


def _pieces(model: LoadedModel, columns: "PenguinColumns") -> tuple[list[bytes], int]:
    """The documents of `detailed_body`, each with a comma behind it, in pieces; and how many make one document.

    Only the species and the probabilities differ between two birds. The numbers are written all at once, and every
    step goes along the birds: half the time of a template filled per bird (docs/performance.md).
    """
    probabilities = model.engine.column_probabilities(columns)
    count, classes = probabilities.shape
    text = orjson.dumps(probabilities.astype("float64", copy=False), option=orjson.OPT_SERIALIZE_NUMPY)
    numbers = text[2:-2].replace(b"],[", b",").split(b",")
    best = probabilities.argmax(axis=1).tolist()
    heads, names, tail = _template(model)
    per_row = 3 + 2 * classes
    pieces = [tail] * (count * per_row)
    pieces[0::per_row] = [heads[species] for species in best]
    pieces[1::per_row] = [numbers[row * classes + species] for row, species in enumerate(best)]
    for place, name in enumerate(names):
        pieces[2 + 2 * place :: per_row] = [name] * count
        pieces[3 + 2 * place :: per_row] = numbers[place::classes]
    return pieces, per_row


def _template(model: LoadedModel) -> tuple[list[bytes], list[bytes], bytes]:
    """What stands before the probability, per class; before that of each class, in order; and behind the last one."""
    names = [orjson.dumps(name) for name in model.manifest.classes]
    heads = [b'{"prediction":' + name + b',"probability":' for name in names]
    opening = [b',"probabilities":{', *[b","] * (len(names) - 1)]
    tail = b'},"model":' + orjson.dumps(model.identity) + b"},"
    return heads, [before + name + b":" for before, name in zip(opening, names, strict=True)], tail
