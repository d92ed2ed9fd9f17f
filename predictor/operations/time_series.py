"""What Cloud Monitoring says about one revision, as values. Read by deploy.sh, judged by `canary`.

The points are raw ones of `projects.timeSeries.list`: each has the interval of its own, a minute. A point that begins
before the step is left out, since it also holds requests from before, among them those of the smoke test.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from predictor.errors import CanaryUnknown

P99: Final = 0.99


@dataclass(frozen=True, slots=True)
class Latencies:
    """Requests by the upper bound of their latency bucket, in milliseconds; infinity for the last bucket."""

    by_bound_ms: Mapping[float, int]

    @property
    def total(self) -> int:
        return sum(self.by_bound_ms.values())

    @property
    def p99_ms(self) -> float:
        """The upper bound of the bucket with the 99th percentile (nearest rank): at least 99 % are within it."""
        seen, rank = 0, math.ceil(P99 * self.total)
        for bound_ms in sorted(self.by_bound_ms):
            seen += self.by_bound_ms[bound_ms]
            if seen >= rank:
                return bound_ms
        return 0.0

    def above(self, bound_ms: float) -> int:
        """How many were slower than a bucket's bound."""
        return sum(count for bound, count in self.by_bound_ms.items() if bound > bound_ms)


def counts(answer: Any, label: str, since: datetime) -> Counter[str]:
    """Requests, or whatever the metric counts, by the value of one of its labels."""
    found: Counter[str] = Counter()
    for labels, value in _points(answer, since):
        found[str(labels.get(label, ""))] += int(value.get("int64Value", 0))
    return found


def latencies(answer: Any, since: datetime) -> Latencies:
    """All series of a latency distribution as one."""
    found: Counter[float] = Counter()
    for _, value in _points(answer, since):
        distribution = value["distributionValue"]
        # Google leaves out the zeros at the end.
        bucket_counts = [int(count) for count in distribution.get("bucketCounts", [])]
        bounds = _bounds(distribution["bucketOptions"]) if bucket_counts else []
        for bound_ms, count in zip(bounds, bucket_counts, strict=False):
            if count:
                found[bound_ms] += count
    return Latencies(dict(found))


def _points(answer: Any, since: datetime) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    answer = answer or {}
    if answer.get("nextPageToken"):
        raise CanaryUnknown("Cloud Monitoring's answer has more than one page, so a part of the requests is missing")
    for series in answer.get("timeSeries", []):
        for point in series.get("points", []):
            interval = point["interval"]
            if datetime.fromisoformat(interval.get("startTime") or interval["endTime"]) >= since:
                yield series.get("metric", {}).get("labels", {}), point["value"]


def _bounds(options: Mapping[str, Any]) -> list[float]:
    """The upper bounds of the buckets (google.api.Distribution.BucketOptions)."""
    if "exponentialBuckets" in options:
        buckets = options["exponentialBuckets"]
        powers = range(int(buckets["numFiniteBuckets"]) + 1)
        bounds = [float(buckets["scale"]) * float(buckets["growthFactor"]) ** power for power in powers]
    elif "linearBuckets" in options:
        buckets = options["linearBuckets"]
        steps = range(int(buckets["numFiniteBuckets"]) + 1)
        bounds = [float(buckets.get("offset", 0)) + float(buckets["width"]) * step for step in steps]
    else:
        bounds = [float(bound) for bound in options["explicitBuckets"]["bounds"]]
    return [*bounds, math.inf]
