"""Which features a record must have: all of them, or the ones that a published model takes.

A feature that a model does not take may be missing, and whatever stands in its place is not read. A penguin gets a
fixed value instead, so that only decoding needs to know.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Annotated, Any, Final

from pydantic import PlainValidator, create_model

from predictor.penguin import Penguin
from predictor.schema import (
    ACCEPTED,
    CATEGORIES,
    COMBINATIONS,
    EXAMPLE,
    FEATURES,
    MEASUREMENTS,
    Categories,
    tuple_getter,
)


class RecordSchema:
    """What records of a model look like. Immutable, and made once per model."""

    def __init__(self, features: Sequence[str] = FEATURES) -> None:
        """`features` must be there, in the order of FEATURES."""
        self.features: Final = tuple(features)
        self.measurements: Final = tuple(name for name in MEASUREMENTS if name in features)
        self.categories: Final = tuple(name for name in CATEGORIES if name in features)
        self.filled: Final[Mapping[str, Any]] = {name: EXAMPLE[name] for name in FEATURES if name not in features}
        """What stands for the features that are not read."""
        self.accepted: Final = ACCEPTED.union(self.filled)
        """Members beside `features` that a body may have."""

    @cached_property
    def validate_json(self) -> Callable[[bytes], Penguin]:
        """From one JSON document to a penguin. Raises pydantic's `ValidationError`."""
        # pydantic's own validator, without the methods around it: half the time for one penguin.
        return _model(self.filled).__pydantic_validator__.validate_json

    @cached_property
    def measurements_in(self) -> Callable[[Any], tuple[Any, ...]]:
        """The measurements of a document, in the order of `measurements`."""
        return tuple_getter(itemgetter, self.measurements)

    @cached_property
    def categories_in(self) -> Callable[[Any], tuple[Any, ...]]:
        """The categories of a document, in the order of `categories`."""
        return tuple_getter(itemgetter, self.categories)

    @cached_property
    def combination_index(self) -> Mapping[Categories, int]:
        """The index in COMBINATIONS that stands for these `categories`."""
        found = {}
        for index, values in enumerate(COMBINATIONS):
            named = dict(zip(CATEGORIES, values, strict=True))
            if all(named[name] == self.filled[name] for name in named if name in self.filled):
                found[self.categories_in(named)] = index
        return found


def _model(filled: Mapping[str, Any]) -> type[Penguin]:
    """A penguin in which these fields may be missing, and always have the given value."""
    if not filled:
        return Penguin
    fields: dict[str, Any] = {
        name: (Annotated[Any, PlainValidator(_always(value))], value) for name, value in filled.items()
    }
    return create_model(Penguin.__name__, __base__=Penguin, **fields)


def _always(value: object) -> Callable[[object], object]:
    return lambda _: value


ALL_FEATURES: Final = RecordSchema()
"""For models that take every feature, and for the project's own, which demands all of them."""
NO_FEATURES: Final = RecordSchema(())
"""What it refuses, every other schema refuses as well."""
