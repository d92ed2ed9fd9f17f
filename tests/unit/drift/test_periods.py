"""Days, weeks and months, and when there is an alarm over one."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from predictor.drift.periods import LOOKS_PER_YEAR, Kind, log_threshold, name_of, periods
from predictor.drift.summaries import Summary
from tests.support.traffic import line


@pytest.mark.parametrize(("kind", "name"), [("day", "2027-01-01"), ("week", "2026-W53"), ("month", "2027-01")])
def test_periods_are_named_as_iso_8601_names_them(kind: Kind, name: str) -> None:
    assert name_of(kind, datetime(2027, 1, 1, 12, tzinfo=UTC)) == name


def test_periods_are_in_utc() -> None:
    assert name_of("day", datetime(2026, 11, 2, 0, 30, tzinfo=timezone(timedelta(hours=1)))) == "2026-11-01"


def test_a_summary_belongs_to_the_day_of_its_middle_and_to_one_week_and_month() -> None:
    rows = {"summary_id": "a", "rows": 10}
    late = line(rows, since="2026-11-02T23:59:50+00:00", until="2026-11-03T00:00:50+00:00")
    found = list(periods([Summary.of(late), Summary.of(line({"summary_id": "b", "rows": 5}))]))
    assert [(item.kind, item.name, item.counts.rows) for item in found] == [
        ("day", "2026-11-02", 5),
        ("day", "2026-11-03", 10),
        ("week", "2026-W45", 15),
        ("month", "2026-11", 15),
    ]


def test_a_year_of_looks_raises_a_false_alarm_once_in_a_hundred() -> None:
    for looks in LOOKS_PER_YEAR.values():
        assert looks * math.exp(-log_threshold(looks)) == pytest.approx(0.01)
