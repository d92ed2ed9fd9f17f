"""A faultless batch straight from its bytes to columns, with no object per bird.

The fast path of `{"instances": [...]}`. It accepts only what it can vouch for; whatever it does not accept goes to
`predictor.decoding`, which sees every violation. A property test holds the two together. Importing this module imports
numpy.
"""

from itertools import chain
from operator import itemgetter
from typing import Any, Final

import numpy as np
import orjson

from predictor.models.columns import HABITAT_INDEX, PenguinColumns, in_range
from predictor.penguin import CATEGORIES, FEATURES, MEASUREMENTS

_NUMBERS: Final = {float, int}  # The types themselves: bool is a subclass of int, and no number in JSON.

_measurements = itemgetter(*MEASUREMENTS)
_category = itemgetter(*CATEGORIES)


def read_instances(body: bytes, most: int) -> PenguinColumns | None:
    """The penguins of a batch of 1 to `most` valid rows; None for anything else."""
    # A key that came twice would be lost in parsing. No valid key and no valid value holds a colon, so each colon
    # belongs to one key: of the fields, and of "instances". Counted first: a body that is something else may be dear.
    fields = body.count(b":") - 1
    if not len(FEATURES) <= fields <= most * len(FEATURES):
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or document.keys() != {"instances"}:
        return None
    rows = document["instances"]
    if not isinstance(rows, list) or len(rows) * len(FEATURES) != fields:
        return None
    try:
        return _columns(rows)
    except (KeyError, TypeError):  # A field that is missing, a row that is no object, a category that cannot be one.
        return None


def _columns(rows: list[Any]) -> PenguinColumns | None:
    if set(map(len, rows)) != {len(FEATURES)}:
        return None
    numbers = list(chain.from_iterable(map(_measurements, rows)))
    if not _NUMBERS.issuperset(map(type, numbers)):
        return None
    habitats = list(map(HABITAT_INDEX.__getitem__, map(_category, rows)))
    measurements = np.array(numbers, dtype=np.float64).reshape(len(rows), len(MEASUREMENTS))
    if not in_range(measurements).all():
        return None
    return PenguinColumns(measurements, np.array(habitats, dtype=np.intp))
