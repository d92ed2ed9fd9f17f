"""What Cloud Logging makes of a function's lines and requests, and what a log-based metric reads from it."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support import log_filter

VALUES = {
    "PROJECT_ID": "a-project",
    "REGION": "europe-west1",
    "FUNCTION": "penguins",
    "EVENTS_FUNCTION": "penguins-events",
    "SUBSCRIPTION": "penguins-to-score",
    "DEAD_LETTER_SUBSCRIPTION": "penguins-dead-letters",
    "SERVICE_HOST": "penguins-abc-ew.a.run.app",
    "MIN_REQUESTS_PER_HOUR": "60",
    "NOTIFICATION_CHANNELS": "projects/a-project/notificationChannels/1",
}
"""What the placeholders in `ops/` stand for in tests."""

# What the Cloud Run agent takes out of a JSON line (https://cloud.google.com/logging/docs/structured-logging);
# `message` stays, since a line has other fields too.
_MOVED = {
    "severity": "severity",
    "time": "timestamp",
    "logging.googleapis.com/trace": "trace",
    "logging.googleapis.com/spanId": "spanId",
    "logging.googleapis.com/trace_sampled": "traceSampled",
}


def fill(text: str) -> str:
    """Replace the placeholders; an unknown one is a `KeyError`. A number that stands alone is one, not text."""
    text = text.replace('"${MIN_REQUESTS_PER_HOUR}"', VALUES["MIN_REQUESTS_PER_HOUR"])
    return re.sub(r"\$\{(\w+)\}", lambda match: VALUES[match[1]], text)


def entries(output: str, service: str = VALUES["FUNCTION"]) -> list[dict[str, Any]]:
    """The log entries that a service's printed lines become."""
    return [_entry(line, service) for line in output.splitlines() if line.strip()]


def request_entry(response: httpx.Response, service: str = VALUES["FUNCTION"]) -> dict[str, Any]:
    """The entry that Cloud Run itself writes for a request."""
    url = urlsplit(str(response.request.url))
    return {
        "logName": f"projects/{VALUES['PROJECT_ID']}/logs/run.googleapis.com%2Frequests",
        "resource": _resource(service),
        "severity": "INFO" if response.status_code < 400 else "WARNING",
        "httpRequest": {
            "requestMethod": response.request.method,
            "requestUrl": url._replace(scheme="https", netloc=VALUES["SERVICE_HOST"]).geturl(),
            "status": response.status_code,
            "latency": f"{response.elapsed.total_seconds():.9f}s",
        },
    }


def _entry(line: str, service: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "logName": f"projects/{VALUES['PROJECT_ID']}/logs/run.googleapis.com%2Fstdout",
        "resource": _resource(service),
        "severity": "DEFAULT",
    }
    try:
        fields = json.loads(line)
    except ValueError:
        return {**entry, "textPayload": line}
    for name, target in _MOVED.items():
        if name in fields:
            entry[target] = fields.pop(name)
    return {**entry, "jsonPayload": fields}


def _resource(service: str) -> dict[str, Any]:
    return {
        "type": "cloud_run_revision",
        "labels": {
            "project_id": VALUES["PROJECT_ID"],
            "location": VALUES["REGION"],
            "service_name": service,
            "configuration_name": service,
            "revision_name": f"{service}-00001-abc",
        },
    }


@dataclass(frozen=True)
class Point:
    """What a metric records for one entry: 1, or the extracted value; and its labels."""

    value: float
    labels: Mapping[str, str]


class LogMetric:
    """A log-based metric, from its file in `ops/metrics/`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.name: str = config["name"]
        self.filter = log_filter.parse(config["filter"])

    def points(self, log: Iterable[Mapping[str, Any]]) -> list[Point]:
        return [self._point(entry) for entry in log if self.filter.matches(entry)]

    def _point(self, entry: Mapping[str, Any]) -> Point:
        labels = {name: extract(how, entry) or "" for name, how in self.config.get("labelExtractors", {}).items()}
        how = self.config.get("valueExtractor")
        if how is None:
            return Point(1.0, labels)
        value = extract(how, entry)
        assert value is not None, f"{self.name}: {how} finds nothing in {entry}"
        return Point(float(value.removesuffix("s")), labels)  # A duration is text such as "0.012s".


def extract(how: str, entry: Mapping[str, Any]) -> str | None:
    """The value of an extractor: EXTRACT(field), or REGEXP_EXTRACT(field, "regex")."""
    if match := re.fullmatch(r"EXTRACT\(([\w.]+)\)", how):
        value = log_filter.lookup(entry, match[1])
        return None if value is None else str(value)
    match = re.fullmatch(r'REGEXP_EXTRACT\(([\w.]+), "(.*)"\)', how)
    assert match, f"{how} is no extractor"
    found = re.search(match[2], str(log_filter.lookup(entry, match[1])))
    return found[1] if found else None
