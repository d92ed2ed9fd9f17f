"""Service accounts, the project itself, and IAM policies of whatever has one."""

import re
from typing import TYPE_CHECKING

from tests.support.gcp import federation
from tests.support.gcp.request import Json, Recorded, Refused, not_found

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
        wanted = request.body["policy"]
        if mask := request.body.get("updateMask"):
            wanted = {**cloud.policies.get(match[1], {}), **{key: wanted[key] for key in mask.split(",")}}
        check_members(cloud, wanted)
        cloud.policies[match[1]] = {**wanted, "etag": "BwX="}
    return cloud.policies.get(match[1], {"etag": "BwX=", "version": 1})


def check_members(cloud: "FakeCloud", policy: Json) -> None:
    """Refuse accounts that do not exist, in Google's words."""
    for member in {member for binding in policy.get("bindings", []) for member in binding["members"]}:
        if not cloud.knows(member):
            raise Refused(400, f"Service account {member.removeprefix('serviceAccount:')} does not exist.")


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
