"""What follows from `predictor.penguin`: names, ranges, units and categories, in the order of its fields.

Serving, events, files, the command line and the generated schemas read these instead of naming a feature. The module
imports pydantic and the domain, nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from operator import attrgetter
from typing import Any, Final, get_args

from pydantic.fields import FieldInfo

from predictor import penguin as _domain
from predictor.penguin import EXAMPLES, Penguin

NOT_RECORDED: Final = frozenset(getattr(_domain, "NOT_RECORDED", ("", "NA")))
"""Cells of CSV files that say that a feature is missing. Blanks around a cell do not count."""

Categories = tuple[str, ...]
"""The values of one penguin's categories, in the order of CATEGORIES: one of COMBINATIONS."""


def _bound(name: str, field: FieldInfo, attribute: str) -> float:
    for constraint in field.metadata:
        if (bound := getattr(constraint, attribute, None)) is not None:
            return float(bound)
    raise TypeError(f"predictor/penguin.py: {name} is a number without {attribute}=; give it a range")


def _ranges(fields: Mapping[str, FieldInfo]) -> dict[str, tuple[float, float]]:
    numbers = {name: field for name, field in fields.items() if field.annotation is float}
    if not numbers:
        raise TypeError("predictor/penguin.py: no field is a float; a model needs at least one number")
    return {name: (_bound(name, field, "ge"), _bound(name, field, "le")) for name, field in numbers.items()}


def _categories(fields: Mapping[str, FieldInfo]) -> dict[str, tuple[str, ...]]:
    categories = {name: get_args(field.annotation) for name, field in fields.items() if field.annotation is not float}
    for name, values in categories.items():
        if not values or not all(isinstance(value, str) for value in values):
            raise TypeError(f"predictor/penguin.py: {name} is neither a float nor a Literal of strings")
        if unreadable := [value for value in values if value in NOT_RECORDED or value != value.strip()]:
            raise TypeError(
                f"predictor/penguin.py: {name} cannot be {unreadable[0]!r}, which a CSV file cannot express"
            )
    return categories


def _unit(field: FieldInfo) -> str | None:
    extra = field.json_schema_extra
    unit = extra.get("unit") if isinstance(extra, dict) else None
    return None if unit is None else str(unit)


RANGES: Final = _ranges(Penguin.model_fields)
"""Closed interval of each measurement, in its unit."""
UNITS: Final = {name: _unit(Penguin.model_fields[name]) for name in RANGES}
"""Unit of each measurement; None where it has none."""
MEASUREMENTS: Final = tuple(RANGES)
CATEGORIES: Final = _categories(Penguin.model_fields)
"""The values that each category can have."""
FEATURES: Final = (*MEASUREMENTS, *CATEGORIES)
"""All features: measurements first, the order in which every file and every answer lists them."""
COMBINATIONS: Final[tuple[Categories, ...]] = tuple(product(*CATEGORIES.values()))
"""Every combination of the categories' values; one empty combination where there are no categories."""
EXAMPLE: Final = EXAMPLES[0]


def _not_features(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in FEATURES)


# A domain need not say anything of these.
SYNONYMS: Final[Mapping[str, Sequence[str]]] = getattr(_domain, "SYNONYMS", {})
"""Other names of features in files, each in the feature's unit."""
IDS: Final = _not_features(getattr(_domain, "IDS", ("id",)))
"""Names of a row's own id, which comes back beside its answer."""
ACCEPTED: Final = frozenset((*IDS, *_not_features(getattr(_domain, "IGNORED", ()))))
"""Members beside the features that a body may have: ids, and what is ignored."""


def _folded(values: Sequence[str]) -> dict[str, str]:
    folded = [value.casefold() for value in values]
    return {key: value for key, value in zip(folded, values, strict=True) if folded.count(key) == 1}


FOLDED: Final = {name: _folded(values) for name, values in CATEGORIES.items()}
"""Each category's values by their case-folded text; without those that differ in nothing else."""


def spelled(category: str, text: str) -> str:
    """The category's value that a file's text means, in whatever case; the text itself where there is none."""
    return text if text in CATEGORIES[category] else FOLDED[category].get(text.casefold(), text)


def dummies(values: Categories) -> tuple[str, ...]:
    """The one-hot columns that are 1 for these categories, named as `pandas.get_dummies` names them."""
    return tuple(f"{name}_{value}" for name, value in zip(CATEGORIES, values, strict=True))


DUMMY_COLUMNS: Final = tuple(f"{name}_{value}" for name, values in CATEGORIES.items() for value in values)
"""Every one-hot column that the categories can give."""

Getter = Callable[..., Callable[[Any], Any]]


def tuple_getter(getter: Getter, keys: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """`attrgetter(*keys)` or `itemgetter(*keys)`, but for fewer than two keys, too, the result is a tuple."""
    if len(keys) > 1:
        return getter(*keys)
    if not keys:
        return lambda _: ()
    only = getter(keys[0])
    return lambda item: (only(item),)


measurements_of: Final[Callable[[Penguin], tuple[float, ...]]] = tuple_getter(attrgetter, MEASUREMENTS)
"""A penguin's measurements, in the order of MEASUREMENTS."""
categories_of: Final[Callable[[Penguin], Categories]] = tuple_getter(attrgetter, tuple(CATEGORIES))
"""A penguin's categories, in the order of CATEGORIES."""


def make_penguin(measurements: Sequence[float], categories: Categories) -> Penguin:
    """A penguin from its measurements and categories, each in their order. Raises pydantic's `ValidationError`."""
    return Penguin.model_validate(dict(zip(FEATURES, (*measurements, *categories), strict=True)))
