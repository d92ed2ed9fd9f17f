"""Workload Identity Federation: GitHub's tokens, their exchange, pools and providers; tokens of service accounts."""

import base64
import json
import re
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.gcp.platform import jwt
from tests.support.gcp.request import Json, Recorded, Refused, masked, not_found

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud

FEDERATED = "ya29.federated"
_RUNNER = "runner-token"


def credential(cloud: "FakeCloud", file: Path, provider: str, **claims: str) -> Path:
    """The file that google-github-actions/auth writes: no key, only where the token is and where it is exchanged."""
    document = {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/{provider}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{cloud.url}/sts/v1/token",
        "token_info_url": f"{cloud.url}/sts/v1/introspect",
        "credential_source": {
            "url": f"{cloud.url}/github/token?{urllib.parse.urlencode(claims)}",
            "headers": {"Authorization": f"Bearer {_RUNNER}"},
            "format": {"type": "json", "subject_token_field_name": "value"},
        },
    }
    file.write_text(json.dumps(document))
    return file


def github(_cloud: "FakeCloud", request: Recorded) -> Json:
    """What a runner asks GitHub for."""
    if request.headers.get("Authorization") != f"Bearer {_RUNNER}":
        raise Refused(401, "not this runner")
    return {"value": jwt("google", sub="repo:any-form", **request.query)}


def exchange(cloud: "FakeCloud", request: Recorded) -> Json:
    """Google's token for GitHub's, if the provider's condition holds."""
    if request.path.endswith("introspect"):
        return {"active": True, "username": cloud.federated_as}
    form = {key: values[0] for key, values in urllib.parse.parse_qs(request.raw.decode()).items()}
    part = form["subject_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    path = form["audience"].removeprefix("//iam.googleapis.com/").replace(cloud.number, cloud.project)
    provider = cloud.pools.get(path)
    if provider is None or not _holds(provider["attributeCondition"], claims):
        raise Refused(400, "The given credential is rejected by the attribute condition.")
    pool = form["audience"].split("/providers/")[0]
    claim = next(key for key in provider["attributeMapping"] if key.startswith("attribute."))
    cloud.federated_as = f"principalSet:{pool}/{claim}/{claims[claim.removeprefix('attribute.')]}"
    issued = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer"}
    return {"access_token": FEDERATED, "expires_in": 3600, **issued}


def _holds(condition: str, claims: Json) -> bool:
    """As much CEL as there is: comparisons, joined by &&. A missing claim is an error in CEL, so it counts as false."""
    terms = [re.fullmatch(r"assertion\.(\w+)=='([^']*)'", term) for term in condition.split(" && ")]
    return all(term is not None and claims.get(term[1]) == term[2] for term in terms)


def identity_tokens(cloud: "FakeCloud", request: Recorded) -> Json:
    """`generateIdToken`, for those who may."""
    match = re.fullmatch(r"v1/projects/-/serviceAccounts/([^:]+):generateIdToken", request.path)
    if match is None:
        raise not_found(request.path)
    policy = cloud.policies.get(f"projects/{cloud.project}/serviceAccounts/{match[1]}", {})
    allowed = {
        member
        for binding in policy.get("bindings", [])
        if binding["role"] == "roles/iam.serviceAccountOpenIdTokenCreator"
        for member in binding["members"]
    }
    if request.headers.get("Authorization") != f"Bearer {FEDERATED}" or cloud.federated_as not in allowed:
        raise Refused(403, "Permission 'iam.serviceAccounts.getOpenIdToken' denied on resource")
    return {"token": jwt(request.body["audience"], email=match[1])}


def pools(cloud: "FakeCloud", request: Recorded) -> Json:
    """Pools and their providers, by name. Changes are operations that are done."""
    name = request.path.removeprefix("v1/")
    if "/operations/" in name:
        return {"name": name, "done": True, "response": {}}
    done = {"name": f"{name}/operations/o1", "done": True, "response": {}}
    if request.method == "POST":
        made = next(request.query[key] for key in request.query if key.endswith("Id"))
        cloud.pools[f"{name}/{made}"] = {**request.body, "name": f"{name}/{made}", "state": "ACTIVE"}
        return {"name": f"{name}/{made}/operations/o1", "done": True, "response": {}}
    if name not in cloud.pools:
        raise not_found(name)
    if request.method == "PATCH":
        cloud.pools[name] = masked(cloud.pools[name], request.body, request.query["updateMask"])
        return done
    return cloud.pools[name]
