"""Traffic summaries: the counts of one log line, and their sums over lines, processes and instances.

All numbers are whole and are only added, so the order and the grouping of the lines change nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import reduce
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from predictor.digest import Digest
from predictor.schema import CATEGORIES, MEASUREMENTS
from predictor.trust.residuals import BINS

Count = Annotated[int, Field(ge=0)]


class _Counts(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    def __add__(self, other: Self) -> Self:
        return self.model_validate(_sum(self.model_dump(), other.model_dump()))


class Measured(_Counts):
    """Residuals of one measurement, in the units of `predictor.trust.residuals`."""

    rows: Count = 0
    sum: int = 0
    sum_of_squares: Count = 0
    histogram: Annotated[list[Count], Field(min_length=BINS, max_length=BINS)] = [0] * BINS


class Refused(_Counts):
    """Rows that were refused: a value out of its range, or anything else."""

    out_of_range: Count = 0
    other: Count = 0


class Feedback(_Counts):
    """Rows whose class was told afterwards: by class and predicted class, and in how many sets the class was."""

    pairs: dict[str, dict[str, Count]] = {}
    with_sets: Count = 0
    covered: Count = 0


class Counts(_Counts):
    """Everything that is counted. `docs/reference/logs.md` has the meaning of each."""

    rows: Count = 0
    discarded: Count = 0
    refused: Refused = Refused()
    flagged: Count = 0
    groups: dict[str, dict[str, Count]] = {}
    categories: dict[str, dict[str, Count]] = {}
    measurements: dict[str, Measured] = {}
    feedback: Feedback = Feedback()

    @model_validator(mode="after")
    def _fits_the_domain(self) -> Self:
        if not (self.measurements.keys() <= set(MEASUREMENTS) and self.categories.keys() <= CATEGORIES.keys()):
            raise ValueError("its features are not those of predictor/penguin.py")
        return self

    @property
    def requested(self) -> int:
        """Rows that were sent, apart from those that were no rows at all."""
        return self.rows + self.refused.out_of_range

    def labels(self) -> dict[str, int]:
        """Rows by predicted class."""
        return {label: sum(by_value.values()) for label, by_value in self.groups.items()}


class Summary(BaseModel):
    """One log line. What else stands in it, such as its message, is not read."""

    model_config = ConfigDict(frozen=True)

    summary_id: str
    since: AwareDatetime
    until: AwareDatetime
    model_version: str
    model_digest: Digest
    counts: Counts

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> "Summary":
        """From a log line's own fields. Raises pydantic's `ValidationError`."""
        return cls.model_validate(
            {**line, "counts": {name: line[name] for name in Counts.model_fields if name in line}}
        )

    @property
    def time(self) -> datetime:
        """The middle of the time in which it was counted: it belongs to this time's day, week and month."""
        return self.since + (self.until - self.since) / 2


def total(counts: Iterable[Counts]) -> Counts:
    """The sum; all zero without any."""
    return reduce(Counts.__add__, counts, Counts())


def _sum(left: Any, right: Any) -> Any:
    if isinstance(left, dict):
        # Sorted, so that sums are equal in every way if their numbers are.
        names = sorted(left.keys() | right.keys())
        return {
            name: _sum(left[name], right[name]) if name in left and name in right else left.get(name, right.get(name))
            for name in names
        }
    if isinstance(left, list):
        return [_sum(one, other) for one, other in zip(left, right, strict=True)]
    return left + right
