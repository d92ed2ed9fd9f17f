"""The fast path of `{"instances": [...]}`: from bytes to columns, with no object per bird.

It accepts a batch only when every row is valid. Any other body goes to `predictor.decoding`, which lists every
violation. A property test checks that both accept the same batches. Importing this module imports numpy.
"""

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from predictor.batch import Batch, PenguinColumns, in_range, known_ids
from predictor.prediction import is_id
from predictor.record_schema import ALL_FEATURES, RecordSchema
from predictor.schema import EXAMPLE, IDS, MEASUREMENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUMBERS: Final = {float, int}  # The types themselves: bool is a subclass of int, and no number in JSON.


def decode_valid_batch(body: bytes, max_instances: int, schema: RecordSchema = ALL_FEATURES) -> Batch | None:
    """The batch in a body of 1 to `max_instances` valid rows; None for anything else."""
    # Parsing would lose a repeated key. Each key has a colon behind it, so with as many colons as there are members
    # (and one for "instances") no key can be repeated. Counted first: parsing another kind of body may be expensive.
    members = body.count(b":") - 1
    fewest = len(schema.features)
    if not fewest <= members <= max_instances * (fewest + len(schema.accepted)):
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or document.keys() != {"instances"}:
        return None
    rows = document["instances"]
    if not isinstance(rows, list) or not 0 < len(rows) <= max_instances:
        return None
    return valid_batch(rows, schema, members)


def valid_batch(rows: list[Any], schema: RecordSchema, members: int | None = None) -> Batch | None:
    """The batch that at least one parsed row makes; None unless all are valid and have the same members.

    `members`: how many all rows have together, where that is known. Keys must not have been repeated.
    """
    try:
        width = len(rows[0])
        if set(map(len, rows)) != {width} or members not in (None, len(rows) * width):
            return None
        ids = None
        if width > len(schema.features):
            if not _only_accepted(rows, schema):
                return None
            ids = [row[name] for row in rows] if (name := next(filter(rows[0].__contains__, IDS), None)) else None
        columns = _columns(rows, schema)
    except (AttributeError, KeyError, TypeError):  # A missing field, a row that is no object, an odd category.
        return None
    return None if columns is None else Batch(columns, ids=known_ids(ids))


def _only_accepted(rows: list[Any], schema: RecordSchema) -> bool:
    """Whether all rows have the same members, which a body may have beside the features."""
    members = rows[0].keys()
    if members - schema.accepted != set(schema.features) or any(row.keys() != members for row in rows):
        return False
    return all(is_id(row[name]) for name in IDS if name in members for row in rows)


def _columns(rows: list[Any], schema: RecordSchema) -> PenguinColumns | None:
    numbers = list(chain.from_iterable(map(schema.measurements_in, rows)))
    if not _NUMBERS.issuperset(map(type, numbers)):
        return None
    combinations = list(map(schema.combination_index.__getitem__, map(schema.categories_in, rows)))
    measurements = np.array(numbers, dtype=np.float64).reshape(len(rows), len(schema.measurements))
    if schema.measurements != MEASUREMENTS:
        measurements = filled(measurements, schema)
    if not in_range(measurements).all():
        return None
    return PenguinColumns(measurements, np.array(combinations, dtype=np.intp))


def filled(measurements: "NDArray[np.float64]", schema: RecordSchema) -> "NDArray[np.float64]":
    """From a column for each of the schema's measurements to one for each of all."""
    columns = dict(zip(schema.measurements, measurements.T, strict=True))
    return np.column_stack([columns.get(name, np.full(len(measurements), EXAMPLE[name])) for name in MEASUREMENTS])
