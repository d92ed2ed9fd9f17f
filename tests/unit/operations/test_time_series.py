import math
from datetime import UTC, datetime
from typing import Any

import pytest

from predictor.errors import CanaryUnknown
from predictor.operations.time_series import Latencies, counts, latencies

STEP = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
BEFORE, AFTER = "2026-11-24T12:00:00.001Z", "2026-11-24T12:01:00.001Z"


def _answer(*points: tuple[str, dict[str, str], dict[str, Any]]) -> dict[str, Any]:
    return {
        "timeSeries": [
            {
                "metric": {"type": "run.googleapis.com/request_count", "labels": labels},
                "points": [{"interval": {"startTime": start, "endTime": start}, "value": value}],
            }
            for start, labels, value in points
        ]
    }


def test_points_of_all_series_are_added_by_their_label() -> None:
    answer = _answer(
        (AFTER, {"response_code": "200"}, {"int64Value": "7"}),
        (AFTER, {"response_code": "200", "route": "x"}, {"int64Value": "3"}),
        (AFTER, {"response_code": "503"}, {"int64Value": "1"}),
    )
    assert counts(answer, "response_code", STEP) == {"200": 10, "503": 1}


def test_a_minute_that_began_before_the_step_is_left_out() -> None:
    """It holds the bad requests that the smoke test sends on purpose."""
    answer = _answer(
        (BEFORE, {"response_code": "422"}, {"int64Value": "5"}), (AFTER, {"response_code": "200"}, {"int64Value": "1"})
    )
    assert counts(answer, "response_code", STEP) == {"200": 1}


@pytest.mark.parametrize(
    ("options", "bounds"),
    [
        ({"exponentialBuckets": {"numFiniteBuckets": 2, "growthFactor": 2, "scale": 10}}, [10, 20, 40, math.inf]),
        ({"linearBuckets": {"numFiniteBuckets": 2, "offset": 5, "width": 10}}, [5, 15, 25, math.inf]),
        ({"explicitBuckets": {"bounds": [1, 8, 9]}}, [1, 8, 9, math.inf]),
    ],
)
def test_buckets_are_read_in_each_form_that_google_has(options: dict[str, Any], bounds: list[float]) -> None:
    distribution = {"count": "10", "bucketOptions": options, "bucketCounts": ["1", "2", "3", "4"]}
    read = latencies(_answer((AFTER, {}, {"distributionValue": distribution})), STEP)
    assert read == Latencies(dict(zip(bounds, [1, 2, 3, 4], strict=True)))


def test_zeros_at_the_end_and_empty_distributions_may_be_left_out() -> None:
    options = {"explicitBuckets": {"bounds": [1, 8, 9]}}
    short = {"distributionValue": {"count": "3", "bucketOptions": options, "bucketCounts": ["0", "3"]}}
    read = latencies(_answer((AFTER, {}, short), (AFTER, {}, {"distributionValue": {"bucketOptions": options}})), STEP)
    assert read == Latencies({8.0: 3})


def test_the_p99_is_the_bound_that_99_percent_are_within() -> None:
    seen = Latencies({10.0: 98, 20.0: 1, 40.0: 1})
    assert seen.p99_ms == 20.0
    assert (seen.above(20.0), seen.total) == (1, 100)
    assert Latencies({10.0: 97, 40.0: 3}).p99_ms == 40.0
    assert Latencies({}).p99_ms == 0.0


def test_an_answer_without_series_counts_nothing_and_a_part_of_one_is_refused() -> None:
    assert counts(None, "x", STEP) == counts({}, "x", STEP) == {}
    with pytest.raises(CanaryUnknown, match="more than one page"):
        counts({"nextPageToken": "n"}, "x", STEP)
