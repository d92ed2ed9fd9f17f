"""Buckets: who owns them, and their settings. Their objects live in fake-gcs-server."""

import json
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.support.gcp.access import check_members
from tests.support.gcp.request import Json, Recorded, Refused, not_found

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
    if cloud.objects and (match := re.match(r"b/([^/]+)/o(/|$)", path)) is not None and match[1] in cloud.buckets:
        return _objects(cloud, request, path)
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


def _objects(cloud: "FakeCloud", request: Recorded, path: str) -> Json:
    """What the server of the objects answers; a bucket that it does not have is empty."""
    # `b/A/o/NAME`, or `b/A/o/NAME/rewriteTo/b/B/o/NAME`: the names were quoted, and hold slashes.
    parts = [re.sub("(?<=/o/).+", lambda name: quote(name[0], safe=""), part) for part in path.split("/rewriteTo/")]
    asked = urllib.request.Request(  # noqa: S310  the address of a server that the test started
        f"{cloud.objects}/storage/v1/{'/rewriteTo/'.join(parts)}?{request.query_string}",
        data=request.raw or None,
        method=request.method,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            text = answer.read()
    except urllib.error.HTTPError as error:
        if request.method == "GET" and path.endswith("/o"):
            return {"items": []}
        raise Refused(error.code, error.read().decode(errors="replace")) from error
    return json.loads(text) if text else {}
