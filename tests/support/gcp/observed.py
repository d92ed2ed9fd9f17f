"""What Cloud Monitoring and Cloud Logging say about a revision's requests, as a scenario sets it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tests.support.gcp.request import Json, Recorded

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud

_SMOKE: Final = {200: 120, 400: 1, 404: 1, 405: 1, 415: 1, 422: 1}
"""What the smoke test left in the minute before the one that is asked about."""
_BUCKETS: Final = {"exponentialBuckets": {"numFiniteBuckets": 66, "growthFactor": 1.4, "scale": 1}}


@dataclass(frozen=True)
class Observed:
    """A revision's minutes."""

    statuses: Mapping[int, int] = field(default_factory=dict)
    """Number of requests by status."""
    latency_ms: float = 20.0
    """Of most requests; 2 % take four times as long."""
    not_free: int = 0
    """Requests for which no instance was free: they are in the request log only."""
    summaries: tuple[Mapping[str, Any], ...] = ()
    """Fields of `traffic_summary` lines, without `since`."""


def time_series(cloud: "FakeCloud", request: Recorded) -> Json:
    start, end = request.query["interval.startTime"], request.query["interval.endTime"]
    revision, metric = (_quoted(request.query["filter"], name) for name in ("revision_name", "metric.type"))
    observed = cloud.observed.get(revision)
    if observed is None:
        return {}
    before = (datetime.fromisoformat(start) - timedelta(seconds=30)).isoformat()
    now, earlier = {"startTime": start, "endTime": end}, {"startTime": before, "endTime": start}
    series = []
    for interval, statuses in ((now, observed.statuses), (earlier, _SMOKE)):
        for status, count in statuses.items():
            labels = {"response_code": str(status), "response_code_class": f"{status // 100}xx"}
            value = _value(metric, count, observed.latency_ms)
            points = [{"interval": interval, "value": value}]
            series.append({"metric": {"type": metric, "labels": labels}, "points": points})
    return {"timeSeries": series}


def log_entries(cloud: "FakeCloud", request: Recorded) -> Json:
    wanted = request.body["filter"]
    observed = cloud.observed.get(_quoted(wanted, "revision_name"), Observed())
    since = re.search('timestamp>="([^"]+)"', wanted)
    assert since is not None
    refused = [{"httpRequest": {"status": 429}}] * observed.not_free
    summaries = [
        {"jsonPayload": {"event": "traffic_summary", "since": since[1], **fields}} for fields in observed.summaries
    ]
    return {"entries": [*refused, *summaries]} if refused or summaries else {}


def _value(metric: str, count: int, latency_ms: float) -> Json:
    if metric.endswith("request_count"):
        return {"int64Value": str(count)}
    slow = round(count * 0.02)
    buckets = ["0"] * 68
    for latency, number in ((latency_ms, count - slow), (4 * latency_ms, slow)):
        place = next(place for place in range(68) if latency < 1.4**place)
        buckets[place] = str(int(buckets[place]) + number)
    while buckets[-1] == "0" and len(buckets) > 1:  # As Google does.
        buckets.pop()
    return {"distributionValue": {"count": str(count), "bucketOptions": _BUCKETS, "bucketCounts": buckets}}


def _quoted(text: str, name: str) -> str:
    found = re.search(rf'{re.escape(name)}="([^"]+)"', text)
    assert found is not None, text
    return found[1]
