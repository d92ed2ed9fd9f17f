"""Cloud Functions, 2nd generation: each deployment makes a revision of the Cloud Run service of the same name."""

import re
from typing import TYPE_CHECKING

from tests.support.gcp import run
from tests.support.gcp.request import Json, Recorded, Refused, masked, not_found

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud

RUNTIMES = ("python311", "python312", "python313")


def answer(cloud: "FakeCloud", request: Recorded) -> Json:
    if re.fullmatch(r"v\w+/projects/[^/]+/locations", request.path):
        return {"locations": run.locations(cloud)}
    if request.path.startswith("v1/"):  # The first generation: there is none.
        return {}
    _, name = request.path.split("/", 1)
    if not name.startswith(f"projects/{cloud.project}/locations/"):
        raise not_found(name)
    if name.endswith("/runtimes"):
        return {"runtimes": [{"name": r, "environment": "GEN_2", "stage": "GA", "displayName": r} for r in RUNTIMES]}
    if name.endswith(":generateUploadUrl"):
        source = {"bucket": f"gcf-v2-uploads-{cloud.number}-{name.split('/')[3]}", "object": "source.zip"}
        return {"uploadUrl": f"{cloud.url}/upload/source.zip", "storageSource": source}
    if "/operations/" in name:
        return _operation(cloud, name)
    if name.endswith("/functions"):
        if request.method == "GET":
            return {"functions": [value for key, value in cloud.functions.items() if key.startswith(f"{name}/")]}
        return _deploy(cloud, f"{name}/{request.query['functionId']}", request.body)
    if name not in cloud.functions:
        raise not_found(name)
    if request.method == "PATCH":
        return _deploy(cloud, name, masked(cloud.functions[name], request.body, request.query["updateMask"]))
    if request.method == "DELETE":
        del cloud.functions[name]
        cloud.services.pop(name.rsplit("/", 1)[1], None)
        return {"name": f"{name.partition('/functions/')[0]}/operations/delete"}
    return cloud.functions[name]


def _operation(cloud: "FakeCloud", name: str) -> Json:
    """gcloud needs stages, each complete."""
    if message := cloud.failed_operations.get(name):
        return {"name": name, "done": True, "error": {"code": 3, "message": message}}
    metadata = {
        "@type": "type.googleapis.com/google.cloud.functions.v2.OperationMetadata",
        "stages": [{"name": stage, "state": "COMPLETE"} for stage in ("BUILD", "SERVICE")],
    }
    empty = {"@type": "type.googleapis.com/google.protobuf.Empty"}
    return {"name": name, "done": True, "metadata": metadata, "response": empty}


def _deploy(cloud: "FakeCloud", name: str, function: Json) -> Json:
    operation = f"{name.partition('/functions/')[0]}/operations/deploy-{len(cloud.requests)}"
    if message := next(cloud.deployment_failures, ""):
        cloud.failed_operations[operation] = message
        # It says what was asked for last, also when nothing came of it.
        cloud.functions[name] = {**cloud.functions.get(name, {}), **function, "name": name, "state": "FAILED"}
        cloud.functions[name]["environment"] = "GEN_2"
    else:
        if function["buildConfig"]["runtime"] not in RUNTIMES:
            raise Refused(400, f"unknown runtime {function['buildConfig']['runtime']}")
        put(cloud, name, function)
    return {"name": operation}


def put(cloud: "FakeCloud", name: str, function: Json) -> None:
    """Make the function what `function` says, and a new revision of its service."""
    region, short = name.split("/")[3], name.rsplit("/", 1)[1]
    service = cloud.services.setdefault(short, run.Service(short, cloud.front_end, region))
    service.add_revision(function, cloud.next_backend.get(short, ""))
    config = {**function["serviceConfig"], "uri": service.url, "revision": service.latest.name}
    config["service"] = f"projects/{cloud.project}/locations/{region}/services/{short}"
    config["allTrafficOnLatestRevision"] = service.shares() == {service.latest.name: 100}
    cloud.functions[name] = {
        **function,
        "name": name,
        "state": "ACTIVE",
        "environment": "GEN_2",
        "url": service.url,
        "serviceConfig": config,
    }
