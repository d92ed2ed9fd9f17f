"""Service accounts, the project itself, and IAM policies of whatever has one."""

import re
from typing import TYPE_CHECKING

from tests.support.gcp import federation
from tests.support.gcp.request import Json, Recorded, not_found

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud


def policy(cloud: "FakeCloud", request: Recorded) -> Json | None:
    """The answer to `RESOURCE:getIamPolicy` and `:setIamPolicy`; None when it is something else."""
    match = re.fullmatch(r"(?:v\d\w*/)?(.*):(get|set|test)Iam\w+", request.path)
    if match is None:
        return None
    if match[2] == "test":
        return {"permissions": request.body["permissions"]}
    if match[2] == "set":
        cloud.policies[match[1]] = {**request.body["policy"], "etag": "BwX="}
    return cloud.policies.get(match[1], {"etag": "BwX=", "version": 1})


def accounts(cloud: "FakeCloud", request: Recorded) -> Json:
    if "/workloadIdentityPools" in request.path:
        return federation.pools(cloud, request)
    if (answered := policy(cloud, request)) is not None:
        return answered
    collection = rf"v1/projects/{cloud.project}/serviceAccounts"
    if request.match("GET", collection):
        return {"accounts": list(cloud.accounts.values())}
    if request.match("POST", collection):
        email = f"{request.body['accountId']}@{cloud.project}.iam.gserviceaccount.com"
        account = {"name": f"projects/{cloud.project}/serviceAccounts/{email}", "email": email, "uniqueId": "1"}
        cloud.accounts[email] = account | request.body.get("serviceAccount", {})
        return cloud.accounts[email]
    email = request.path.rsplit("/", 1)[1]
    if email not in cloud.accounts:
        raise not_found(email)
    return cloud.accounts.pop(email) if request.method == "DELETE" else cloud.accounts[email]


def projects(cloud: "FakeCloud", request: Recorded) -> Json:
    if (answered := policy(cloud, request)) is not None:
        return answered
    return {
        "projectId": cloud.project,
        "projectNumber": cloud.number,
        "name": cloud.project,
        "lifecycleState": "ACTIVE",
    }
