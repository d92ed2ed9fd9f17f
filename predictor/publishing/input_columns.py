"""How a penguin becomes the input of somebody's estimator: found from the names of its columns, never guessed.

A column is a measurement, a category as the estimator knows it, or one value of a category (one-hot). Values and
one-hot columns come in several styles (`sex_male`, `sex_Male`, `MALE`); a style is taken only when the names fit it.
"""

import difflib
from collections.abc import Callable, Sequence
from typing import Any, Final

from predictor.artifacts import InputColumn
from predictor.batch import PenguinColumns
from predictor.errors import PublishRefused
from predictor.penguin import NOUN
from predictor.schema import CATEGORIES, FEATURES, MEASUREMENTS
from predictor.training.compile.inputs import input_cells

_STYLES: Final[tuple[Callable[[str], str], ...]] = (str, str.capitalize, str.title, str.upper, str.lower)
"""How data sets spell the values of categories: as here, seaborn's `Male`, BigQuery's `MALE`."""


def find_input(names: Sequence[str], categories: Sequence[str]) -> tuple[InputColumn, ...]:
    """The meaning of each of the estimator's columns.

    `categories` are the strings that encoders inside the estimator know. Raises `PublishRefused` for a column that
    means nothing here.
    """
    if len(set(names)) != len(names):
        raise PublishRefused(f"the model's columns name {next(n for n in names if names.count(n) > 1)!r} twice")
    one_hot = _one_hot_names()
    columns = []
    for name in names:
        feature = _feature(name)
        if feature in MEASUREMENTS:
            columns.append(InputColumn(name=name, feature=feature))
        elif feature is not None:
            columns.append(InputColumn(name=name, feature=feature, values=_styled_values(feature, categories)))
        elif _folded(name) in one_hot:
            category, value = one_hot[_folded(name)]
            columns.append(InputColumn(name=name, feature=category, value=value))
        else:
            raise PublishRefused(_unknown(name, list(one_hot.values())))
    if not any(column.feature in MEASUREMENTS for column in columns):
        raise PublishRefused(f"the model takes only {', '.join(names)}; it must also take a measurement")
    return tuple(columns)


def _feature(name: str) -> str | None:
    return next((feature for feature in FEATURES if _folded(feature) == _folded(name)), None)


def _one_hot_names() -> dict[str, tuple[str, str]]:
    """Category and value by the folded name of the one-hot column."""
    return {_folded(f"{name}_{value}"): (name, value) for name, values in CATEGORIES.items() for value in values}


def _folded(name: str) -> str:
    """A name without case, blanks and punctuation: `Bill length (mm)` and `bill_length_mm` are one."""
    return "".join(character for character in name.casefold() if character.isalnum())


def _styled_values(feature: str, categories: Sequence[str]) -> dict[str, str] | None:
    """The category's values as the estimator's encoders spell them; None for the spelling used here."""
    values = CATEGORIES[feature]
    if not categories or set(values) <= set(categories):
        return None
    for style in _STYLES:
        if {style(value) for value in values} <= set(categories):
            return {value: style(value) for value in values}
    raise PublishRefused(
        f"the model's column {feature!r} knows the values {', '.join(categories)};"
        f" a {NOUN}'s {feature} is one of {', '.join(values)}"
    )


def _unknown(name: str, one_hot: Sequence[tuple[str, str]]) -> str:
    known = [*FEATURES, *(f"{category}_{value}" for category, value in one_hot)]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"no feature is called {name!r}; {hint}"


def canonical_name(column: InputColumn) -> str:
    """What the compiled forms call a column, whatever its style."""
    return column.feature if column.value is None else f"{column.feature}_{column.value}"


def spelled_values(column: InputColumn) -> list[str]:
    """The values of a column that is a whole category, as the estimator spells them, in the order of CATEGORIES."""
    return [(column.values or {}).get(value, value) for value in CATEGORIES[column.feature]]


def input_frame(columns: Sequence[InputColumn], penguins: PenguinColumns) -> list[list[Any]]:
    """The estimator's input, one list per column."""
    return [input_cells(column, penguins).tolist() for column in columns]
