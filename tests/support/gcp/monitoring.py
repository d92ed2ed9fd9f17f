"""Cloud Monitoring and Cloud Logging's metrics: resources by name, and what was observed."""

import json
import re
from typing import TYPE_CHECKING

from tests.support.gcp import observed
from tests.support.gcp.request import Json, Recorded, Refused, leave_out_defaults, not_found

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud

_IDS = ("serviceId", "serviceLevelObjectiveId")


def answer(cloud: "FakeCloud", request: Recorded) -> Json:
    _, name = request.path.split("/", 1)
    if name == "entries:list":
        return _entries(cloud, request)
    kind = re.sub(r"services/[^/]+/", "", name).split("/")[2]
    if kind == "alerts":
        return {"alerts": cloud.open_alerts}
    if kind == "timeSeries":
        return observed.time_series(cloud, request)
    held = cloud.watching.setdefault(kind, {})
    if name.endswith(f"/{kind}"):
        if request.method == "GET":
            listed = [leave_out_defaults(value) for key, value in held.items() if key.startswith(f"{name}/")]
            return {kind: listed} if listed else {}
        if kind == "alertPolicies":
            _check_metrics(cloud, request.body)
        name = f"{name}/{_new_id(request, len(held))}"
        held[name] = _named(request.body, name, kind)
        return held[name]
    if name not in held:
        raise not_found(name)
    if request.method in {"PATCH", "PUT"}:
        if kind == "dashboards" and request.body.get("etag") != held[name]["etag"]:
            raise Refused(400, "Update Dashboard should specify a non empty etag")
        held[name] = _named(request.body, name, kind)
    if request.method != "DELETE":
        return held[name]
    objectives = cloud.watching.get("serviceLevelObjectives", {})
    for objective in [key for key in objectives if key.startswith(f"{name}/")]:
        del objectives[objective]  # They go with their service.
    return held.pop(name)


def _entries(cloud: "FakeCloud", request: Recorded) -> Json:
    if "httpRequest.status=429" in request.body["filter"]:  # The canary asks; `drift` reads the summaries alone.
        return observed.log_entries(cloud, request)
    return {"entries": cloud.log_entries} if cloud.log_entries else {}


def _check_metrics(cloud: "FakeCloud", policy: Json) -> None:
    """Refuse an alert about a log-based metric that does not exist, in Google's words."""
    known = {metric["name"] for metric in cloud.watching.get("metrics", {}).values()}
    for name in re.findall(r"logging\.googleapis\.com/user/([\w-]+)", json.dumps(policy)):
        if name not in known:
            raise not_yet_a_metric(name)


def not_yet_a_metric(name: str) -> Refused:
    kind = f'type = "logging.googleapis.com/user/{name}"'
    hint = "If a metric was created recently, it could take up to 10 minutes to become available."
    return Refused(404, f"Cannot find metric(s) that match {kind}. {hint} Please try again soon.")


def _new_id(request: Recorded, count: int) -> str:
    given = [request.query[key] for key in _IDS if key in request.query]
    if request.api == "logging":
        given.append(request.body["name"])
    return given[0] if given else f"{count + 1}"


def _named(body: Json, name: str, kind: str) -> Json:
    """Logging's metrics are known by their short name; dashboards need their etag to be changed."""
    named = {**body, "name": body["name"] if kind == "metrics" else name}
    return named | {"etag": f"{body.get('etag', '')}1"} if kind == "dashboards" else named
