"""Days, weeks and months, in UTC, and how much evidence it takes to raise an alarm over one of them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, Literal

from predictor.drift.summaries import Counts, Summary, total

Kind = Literal["day", "week", "month"]
LOOKS_PER_YEAR: Final[dict[Kind, int]] = {"day": 366, "week": 53, "month": 12}
FALSE_ALARMS_PER_YEAR: Final = 0.01
"""The probability of at least one false alarm in a year, at most, for each kind of period and each report."""


def log_threshold(looks_per_year: int) -> float:
    """The log e-value from which on there is an alarm.

    Each look exceeds it with a probability of at most its inverse (Markov), so a year of looks with at most
    FALSE_ALARMS_PER_YEAR in sum.
    """
    return math.log(looks_per_year / FALSE_ALARMS_PER_YEAR)


@dataclass(frozen=True, slots=True)
class Period:
    """One day (2026-11-24), ISO week (2026-W48) or month (2026-11), and what was counted in it."""

    kind: Kind
    name: str
    counts: Counts


def name_of(kind: Kind, time: datetime) -> str:
    time = time.astimezone(UTC)
    if kind == "week":
        year, week, _ = time.isocalendar()
        return f"{year}-W{week:02}"
    return time.strftime("%Y-%m-%d" if kind == "day" else "%Y-%m")


def periods(summaries: Iterable[Summary]) -> Iterator[Period]:
    """Every period that has a summary: days, then weeks, then months, each in their order."""
    ordered = sorted(summaries, key=lambda summary: (summary.time, summary.summary_id))
    for kind in LOOKS_PER_YEAR:
        for name, members in groupby(ordered, key=lambda summary: name_of(kind, summary.time)):
            yield Period(kind, name, total(member.counts for member in members))
