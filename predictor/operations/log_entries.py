"""What Cloud Logging says about one revision, as values. Read by deploy.sh, judged by `canary`.

Cloud Monitoring does not count requests for which no instance was free: the request log has their 429. The function's
own `traffic_summary` lines have the rows by predicted class, and how many were unlike the model's reference.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

IN_DISTRIBUTION: Final = "in_distribution"
PREDICTION: Final = "prediction"


def refused(answer: Any) -> int:
    """The number of answers 429. deploy.sh asks for the entries of the step only."""
    requests = (entry.get("httpRequest", {}) for entry in _entries(answer))
    return sum(request.get("status") == HTTPStatus.TOO_MANY_REQUESTS for request in requests)


def mixes(answer: Any, since: datetime) -> dict[str, Counter[str]]:
    """Rows by predicted class and by `in_distribution`; nothing if no row was counted.

    A summary that began before the step is left out: it may hold the rows of the smoke test.
    """
    found: dict[str, Counter[str]] = {PREDICTION: Counter(), IN_DISTRIBUTION: Counter()}
    for entry in _entries(answer):
        summary = entry.get("jsonPayload", {})
        if summary.get("event") != "traffic_summary" or datetime.fromisoformat(summary["since"]) < since:
            continue
        # Another version's summary may lack a field. It is shown only, so that must not end a rollout.
        for label, by_category in summary.get("groups", {}).items():
            found[PREDICTION][label] += int(sum(by_category.values()))
        rows, flagged = int(summary.get("rows", 0)), int(summary.get("flagged", 0))
        found[IN_DISTRIBUTION]["false"] += flagged
        found[IN_DISTRIBUTION]["true"] += rows - flagged
    return {name: mix for name, mix in found.items() if mix.total()}


def _entries(answer: Any) -> Iterator[Mapping[str, Any]]:
    yield from (answer or {}).get("entries", [])
