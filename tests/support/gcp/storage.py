"""Buckets: who owns them, and their settings. Their objects live in fake-gcs-server."""

import re
from typing import TYPE_CHECKING

from tests.support.gcp.access import check_members
from tests.support.gcp.request import Json, Recorded, not_found

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud


def answer(cloud: "FakeCloud", request: Recorded) -> Json:
    path = request.path.removeprefix("storage/v1/")
    if path == "b" and request.method == "POST":
        name = request.body["name"]
        own = {"kind": "storage#bucket", "id": name, "projectNumber": cloud.number, "metageneration": "1"}
        cloud.buckets[name] = own | request.body
        return cloud.buckets[name]
    if path == f"projects/{cloud.project}/serviceAccount":
        return {"email_address": f"service-{cloud.number}@gs-project-accounts.iam.gserviceaccount.com"}
    if (match := re.fullmatch(r"b/([^/]+)/notificationConfigs(?:/(\d+))?", path)) is not None:
        return _notifications(cloud, request, match[1])
    match = re.fullmatch(r"b/([^/]+)(/iam|/o|/managedFolders|/storageLayout)?", path)
    if match is None or match[1] not in cloud.buckets:
        raise not_found(path)
    bucket = cloud.buckets[match[1]]
    if match[2] == "/iam":
        if request.method == "PUT":
            check_members(cloud, request.body)
            cloud.policies[f"buckets/{match[1]}"] = request.body
        return cloud.policies.get(f"buckets/{match[1]}", {"etag": "CAE=", "version": 1})
    if match[2] in {"/o", "/managedFolders"}:
        return {"items": []}
    if match[2] == "/storageLayout":
        return {"kind": "storage#storageLayout", "bucket": match[1], "locationType": "region"}
    if request.method == "PATCH":
        bucket.update({key: value for key, value in request.body.items() if value is not None})
    if request.method == "DELETE":
        del cloud.buckets[match[1]]
    return bucket


def _notifications(cloud: "FakeCloud", request: Recorded, bucket: str) -> Json:
    held = cloud.notifications.setdefault(bucket, {})
    number = request.path.rpartition("/")[2]
    if request.method == "GET" and number == "notificationConfigs":
        return {"items": list(held.values())} if held else {"kind": "storage#notifications"}
    if request.method != "POST":
        return held.pop(number) if request.method == "DELETE" else held[number]
    topic = "//pubsub.googleapis.com/" + request.body["topic"].removeprefix("//pubsub.googleapis.com/")
    held["1"] = {"id": "1", **request.body, "topic": topic}
    return held["1"]
