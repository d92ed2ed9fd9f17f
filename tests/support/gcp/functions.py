"""Cloud Functions, 2nd generation: each deployment makes a revision of the Cloud Run service of the same name."""

import re
from typing import TYPE_CHECKING

from tests.support.gcp import run
from tests.support.gcp.request import Json, Recorded, Refused, masked, not_found

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud

RUNTIMES = ("python311", "python312", "python313")


def answer(cloud: "FakeCloud", request: Recorded) -> Json:
    place = f"projects/{cloud.project}/locations/{cloud.region}"
    if re.fullmatch(r"v\w+/projects/[^/]+/locations", request.path):
        return {"locations": [{"locationId": cloud.region, "name": place}]}
    if request.path.startswith("v1/"):  # The first generation: there is none.
        return {}
    _, name = request.path.split("/", 1)
    if not name.startswith(f"projects/{cloud.project}/locations/"):
        raise not_found(name)
    if name.endswith("/runtimes"):
        return {"runtimes": [{"name": r, "environment": "GEN_2", "stage": "GA", "displayName": r} for r in RUNTIMES]}
    if name.endswith(":generateUploadUrl"):
        source = {"bucket": f"gcf-v2-uploads-{cloud.number}-{cloud.region}", "object": "source.zip"}
        return {"uploadUrl": f"{cloud.url}/upload/source.zip", "storageSource": source}
    if "/operations/" in name:
        return _operation(cloud, name)
    if name.endswith("/functions"):
        if request.method == "GET":
            return {"functions": list(cloud.functions.values())}
        return _deploy(cloud, f"{name}/{request.query['functionId']}", request.body)
    if name not in cloud.functions:
        raise not_found(name)
    if request.method == "PATCH":
        return _deploy(cloud, name, masked(cloud.functions[name], request.body, request.query["updateMask"]))
    if request.method == "DELETE":
        del cloud.functions[name]
        cloud.services.pop(name.rsplit("/", 1)[1], None)
        return {"name": f"{place}/operations/delete"}
    return cloud.functions[name]


def _operation(cloud: "FakeCloud", name: str) -> Json:
    """gcloud needs stages, each complete."""
    if cloud.fail_build:
        message, cloud.fail_build = cloud.fail_build, ""
        return {"name": name, "done": True, "error": {"code": 3, "message": message}}
    metadata = {
        "@type": "type.googleapis.com/google.cloud.functions.v2.OperationMetadata",
        "stages": [{"name": stage, "state": "COMPLETE"} for stage in ("BUILD", "SERVICE")],
    }
    empty = {"@type": "type.googleapis.com/google.protobuf.Empty"}
    return {"name": name, "done": True, "metadata": metadata, "response": empty}


def _deploy(cloud: "FakeCloud", name: str, function: Json) -> Json:
    if cloud.fail_build:
        if name in cloud.functions:  # It says what was asked for last, also when nothing came of it.
            cloud.functions[name] = {**cloud.functions[name], **function}
    else:
        if function["buildConfig"]["runtime"] not in RUNTIMES:
            raise Refused(400, f"unknown runtime {function['buildConfig']['runtime']}")
        put(cloud, name, function)
    return {"name": f"projects/{cloud.project}/locations/{cloud.region}/operations/deploy"}


def put(cloud: "FakeCloud", name: str, function: Json) -> None:
    """Make the function what `function` says, and a new revision of its service."""
    short = name.rsplit("/", 1)[1]
    service = cloud.services.setdefault(short, run.Service(short, cloud.front_end))
    service.add_revision(function, cloud.next_backend.get(short, ""))
    config = {**function["serviceConfig"], "uri": service.url, "revision": service.latest.name}
    config["service"] = f"projects/{cloud.project}/locations/{cloud.region}/services/{short}"
    config["allTrafficOnLatestRevision"] = service.shares() == {service.latest.name: 100}
    cloud.functions[name] = {
        **function,
        "name": name,
        "state": "ACTIVE",
        "environment": "GEN_2",
        "url": service.url,
        "serviceConfig": config,
    }
