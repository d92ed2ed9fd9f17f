"""What gcloud asks around a deployment: tokens, enabled APIs, builds, image repositories."""

import base64
import json
import time
import urllib.parse
from typing import TYPE_CHECKING

from tests.support.gcp.request import Json, Recorded, leave_out_defaults, masked

if TYPE_CHECKING:
    from tests.support.gcp.cloud import FakeCloud


def jwt(audience: str, **more: str) -> str:
    """An unsigned token that looks like one of Google's or GitHub's."""
    now = int(time.time())
    claims = {
        "iss": "https://accounts.google.com",
        "aud": audience,
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
        **more,
    }
    parts = (b'{"alg":"RS256","kid":"fake","typ":"JWT"}', json.dumps(claims).encode(), b"signature")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def token(_cloud: "FakeCloud", request: Recorded) -> Json:
    """An access token, or an identity token when the signed assertion names an audience."""
    assertion = urllib.parse.parse_qs(request.raw.decode())["assertion"][0].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(assertion + "=" * (-len(assertion) % 4)))
    if "target_audience" in claims:
        return {"id_token": jwt(claims["target_audience"])}
    return {"access_token": "ya29.fake", "expires_in": 3600, "token_type": "Bearer", "id_token": jwt("fake")}


_AGENTS = {"pubsub": "gcp-sa-pubsub", "monitoring": "gcp-sa-monitoring-notification"}


def service_usage(cloud: "FakeCloud", request: Recorded) -> Json:
    def described(name: str) -> Json:
        return {"name": name, "state": "ENABLED" if name.rsplit("/", 1)[1] in cloud.apis else "DISABLED"}

    if request.path.endswith(":batchGet"):
        return {"services": [described(name) for name in request.all_of("names")]}
    if request.path.endswith(":generateServiceIdentity"):
        agent = _AGENTS[request.path.split("/")[-1].partition(".")[0]]
        cloud.agents.add(f"service-{cloud.number}@{agent}.iam.gserviceaccount.com")
        return {"name": "operations/identity", "done": True, "response": {}}
    return described(request.path)


def builds(cloud: "FakeCloud", request: Recorded) -> Json:
    if request.path.endswith("defaultServiceAccount"):
        account = f"projects/{cloud.project}/serviceAccounts/{cloud.number}-compute@developer.gserviceaccount.com"
        return {"name": request.path, "serviceAccountEmail": account}
    return {"id": "b1", "status": "SUCCESS", "logUrl": f"{cloud.url}/log"}


def repositories(cloud: "FakeCloud", request: Recorded) -> Json:
    """Google makes the repository for functions with a cleanup that only says what it would delete."""
    _, name = request.path.split("/", 1)
    held = cloud.repositories.setdefault(name, {"name": name, "format": "DOCKER", "cleanupPolicyDryRun": True})
    if request.method == "PATCH":
        cloud.repositories[name] = held = masked(held, request.body, request.query["updateMask"])
    return leave_out_defaults(held)
