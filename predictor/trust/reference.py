"""`reference.json`: what the reference rows look like, as far as trust in an answer depends on it.

`predictor.training.reference` writes it. Distances are Mahalanobis distances of measurements (of their logarithms,
where a range has only positive numbers) to the mean of a group, with the covariance pooled over all groups. A group is
a class, or a class and one value of a category, such as the females of a species.

A reference is about the features that its model takes. Rows have all of them, and the others are not read.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from predictor.artifacts import REFERENCE_FILE
from predictor.errors import UnloadableModel
from predictor.penguin import SPECIES
from predictor.schema import CATEGORIES, FEATURES, MEASUREMENTS, Categories

Share = Annotated[float, Field(gt=0, lt=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measurement(_Frozen):
    """One measurement among the reference rows. `lowest` and `highest` are in its unit."""

    name: str
    log: Annotated[bool, Field(description="whether everything else here is about its natural logarithm")]
    lowest: float
    highest: float
    sd: Annotated[float, Field(gt=0, description="within the groups, pooled")]


class Group(_Frozen):
    """Reference rows of one class, and of one value of the grouping category where the class is split by it."""

    label: str
    value: Annotated[str | None, Field(description="of the grouping category; null for the whole class")] = None
    rows: Annotated[int, Field(gt=0)]
    means: Annotated[tuple[float, ...], Field(description="of the transformed measurements, in their order")]


class Unseen(_Frozen):
    """A class and a value of a category that no reference row has, though several would if they were independent."""

    label: str
    category: str
    value: str


class Bird(_Frozen):
    """One reference row."""

    label: str
    measurements: tuple[float, ...]
    categories: tuple[str, ...]


class Sets(_Frozen):
    """What prediction sets need. `scores`: the probability of the true class, out of fold, per row, ascending."""

    scores: Annotated[tuple[float, ...], Field(min_length=1)]
    folds: int
    max_coverage: Share

    @model_validator(mode="after")
    def _supports_its_coverage(self) -> "Sets":
        if list(self.scores) != sorted(self.scores) or self._rank(self.max_coverage) < 1:
            raise ValueError("the scores are not sorted, or too few for the highest coverage")
        return self

    def _rank(self, coverage: float) -> int:
        # Rounded, because 1 - 0.9 is less than 0.1.
        return math.floor(round((1 - coverage) * (len(self.scores) + 1), 9))

    def smallest_probability(self, coverage: float) -> float:
        """A class belongs to the set if its probability is at least this.

        The k-th smallest score with k = floor((1 - coverage) (n + 1)): at most that share of new rows from the same
        population has a true class that is less probable (Sadinle, Lei, Wasserman 2019, Theorem 1, for a split; with
        out-of-fold scores it is an approximation). Needs 0 < coverage <= `max_coverage`.
        """
        return self.scores[self._rank(coverage) - 1]


class Reference(_Frozen):
    """The content of `reference.json`."""

    schema_version: Literal[1] = 1
    sha256: Annotated[str, Field(description="of the file with the reference rows")]
    rows: Annotated[int, Field(gt=0)]
    labels: Annotated[tuple[str, ...], Field(min_length=1, description="the classes that reference rows have")]
    measurements: Annotated[tuple[Measurement, ...], Field(min_length=1)]
    grouping: Annotated[str | None, Field(description="the category that splits the classes; null: none does")]
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    precision: Annotated[tuple[tuple[float, ...], ...], Field(description="inverse of the pooled covariance")]
    scores: Annotated[
        tuple[float, ...], Field(min_length=1, description="distance of each row to the others' nearest group, sorted")
    ]
    threshold: Annotated[Share, Field(description="a row with a smaller p-value is unlike the reference rows")]
    unsure_below: Annotated[Share, Field(description="a largest probability below this is not relied on")]
    coverage: Annotated[Share, Field(description="of prediction sets, where nothing else is asked for")]
    sets: Sets | None
    without_sets: Annotated[str | None, Field(description="why there are no prediction sets")] = None
    counts: Annotated[
        dict[str, dict[str, dict[str, int]]], Field(description="rows by category, label and value; zeros included")
    ]
    unseen: tuple[Unseen, ...]
    birds: Annotated[tuple[Bird, ...], Field(description="the rows, or a stratified sample of them")]
    background: Annotated[
        tuple[int, ...], Field(min_length=1, description="indices of the birds that stand for all, by label and group")
    ]

    @model_validator(mode="after")
    def _fits_the_domain(self) -> "Reference":
        if self.features != tuple(name for name in FEATURES if name in self.features):
            raise ValueError(f"its features are {', '.join(self.features)}, not those of predictor/penguin.py")
        if not set(self.labels) <= set(SPECIES) or not {group.label for group in self.groups} <= set(self.labels):
            raise ValueError("it has other classes than predictor/penguin.py")
        if self.grouping is not None and self.grouping not in self.counts:
            raise ValueError(f"it groups by {self.grouping}, which is no category")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> "Reference":
        own, rows = len(self.measurements), [*(group.means for group in self.groups), *self.precision]
        if len(self.precision) != own or any(len(row) != own for row in rows):
            raise ValueError("a row has more or fewer numbers than there are measurements")
        if any(len(bird.measurements) != len(MEASUREMENTS) for bird in self.birds):
            raise ValueError("a bird has more or fewer measurements than predictor/penguin.py")
        if any(len(bird.categories) != len(CATEGORIES) or bird.label not in self.labels for bird in self.birds):
            raise ValueError(
                "a bird has other categories than predictor/penguin.py, or another class than the reference"
            )
        if not 0 <= min(self.background) <= max(self.background) < len(self.birds):
            raise ValueError("the background names a bird that is not there")
        values = (None,) if self.grouping is None else CATEGORIES[self.grouping]
        for label in self.labels:
            if (label, None) not in self._groups and any((label, value) not in self._groups for value in values):
                raise ValueError(f"{label} has no group")
        if any(item.value not in CATEGORIES.get(item.category, ()) for item in self.unseen):
            raise ValueError("an unseen combination is none of predictor/penguin.py")
        if any(item.log and item.lowest <= 0 for item in self.measurements):
            raise ValueError("a measurement that is not positive has no logarithm")
        if list(self.scores) != sorted(self.scores):
            raise ValueError("the scores are not sorted")
        return self

    def to_bytes(self) -> bytes:
        return (self.model_dump_json() + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, features: Sequence[str] = FEATURES) -> "Reference":
        """Parse verified bytes for a model that takes these features; raises `UnloadableModel`."""
        try:
            reference = cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the document"
            raise UnloadableModel(REFERENCE_FILE, f"{where}: {first['msg']}") from error
        if reference.features != tuple(features):
            reason = f"its features are {', '.join(reference.features)}, not the model's: {', '.join(features)}"
            raise UnloadableModel(REFERENCE_FILE, reason)
        return reference

    @property
    def features(self) -> tuple[str, ...]:
        """What it is about: the features that its model takes."""
        return (*(item.name for item in self.measurements), *self.counts)

    @cached_property
    def indexes(self) -> tuple[int, ...]:
        """The index of each of `measurements` in MEASUREMENTS."""
        return tuple(MEASUREMENTS.index(item.name) for item in self.measurements)

    def transform(self, measurements: Sequence[float]) -> list[float]:
        """A row's measurements as `means`, `sd` and `precision` have them: logarithms, where `log` says so."""
        own = [measurements[index] for index in self.indexes]
        return [math.log(value) if item.log else value for item, value in zip(self.measurements, own, strict=True)]

    def group_of(self, label: str, categories: Categories) -> Group:
        """The group of a row of this class with these categories. Raises `KeyError` for a class that is not there."""
        value = None if self.grouping is None else categories[list(CATEGORIES).index(self.grouping)]
        found = self._groups.get((label, value)) or self._groups.get((label, None))
        if found is None:
            raise KeyError(label)
        return found

    @cached_property
    def _groups(self) -> dict[tuple[str, str | None], Group]:
        return {(group.label, group.value): group for group in self.groups}

    def label_counts(self) -> dict[str, int]:
        """Reference rows by class."""
        counts = dict.fromkeys(self.labels, 0)
        for group in self.groups:
            counts[group.label] += group.rows
        return counts
