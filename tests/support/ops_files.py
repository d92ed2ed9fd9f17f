"""The files in `ops/`, with their placeholders filled in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.cloud_logging import LogMetric, fill
from tests.support.processes import PROJECT

OPS = PROJECT / "ops"


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(fill(path.read_text()))
    return document


def log_metrics() -> dict[str, LogMetric]:
    """By the name of their file, without `.json`."""
    return {path.stem: LogMetric(load(path)) for path in sorted((OPS / "metrics").glob("*.json"))}


def alerts() -> dict[str, dict[str, Any]]:
    return {path.stem: load(path) for path in sorted((OPS / "alerts").glob("*.json"))}


def monitoring_filters() -> Iterator[tuple[str, str]]:
    """Every filter of dashboard, alerts and SLOs: where it stands, and its text."""
    for path in [
        OPS / "dashboard.json",
        *sorted((OPS / "alerts").glob("*.json")),
        *sorted((OPS / "slo").glob("*.json")),
    ]:
        yield from ((path.name, text) for text in _filters(load(path)))


def _filters(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _filters(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and key.lower().endswith("filter"):
                yield item
            else:
                yield from _filters(item)
