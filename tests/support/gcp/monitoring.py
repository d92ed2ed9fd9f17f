"""Cloud Monitoring and Cloud Logging's metrics: resources by name, and what was observed."""

import re
from typing import TYPE_CHECKING

from tests.support.gcp import observed
from tests.support.gcp.request import Json, Recorded, Refused, not_found

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud

_IDS = ("serviceId", "serviceLevelObjectiveId")


def answer(cloud: "FakeCloud", request: Recorded) -> Json:
    _, name = request.path.split("/", 1)
    if name == "entries:list":
        if "traffic_summary" in request.body["filter"]:
            return observed.log_entries(cloud, request)
        return {"entries": cloud.log_entries}
    kind = re.sub(r"services/[^/]+/", "", name).split("/")[2]
    if kind == "timeSeries":
        return observed.time_series(cloud, request)
    held = cloud.watching.setdefault(kind, {})
    if name.endswith(f"/{kind}"):
        if request.method == "GET":
            return {kind: [value for key, value in held.items() if key.startswith(f"{name}/")]}
        name = f"{name}/{_new_id(request, len(held))}"
        held[name] = _named(request.body, name, kind)
        return held[name]
    if name not in held:
        raise not_found(name)
    if request.method in {"PATCH", "PUT"}:
        if kind == "dashboards" and request.body.get("etag") != held[name]["etag"]:
            raise Refused(400, "Update Dashboard should specify a non empty etag")
        held[name] = _named(request.body, name, kind)
    return held.pop(name) if request.method == "DELETE" else held[name]


def _new_id(request: Recorded, count: int) -> str:
    given = [request.query[key] for key in _IDS if key in request.query]
    if request.api == "logging":
        given.append(request.body["name"])
    return given[0] if given else f"{count + 1}"


def _named(body: Json, name: str, kind: str) -> Json:
    """Logging's metrics are known by their short name; dashboards need their etag to be changed."""
    named = {**body, "name": body["name"] if kind == "metrics" else name}
    return named | {"etag": f"{body.get('etag', '')}1"} if kind == "dashboards" else named
