"""The least of Google's control plane that `gcloud functions call` needs, on a free port: tokens, and one lookup."""

import base64
import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.json_server import JsonServer, Reply
from tests.support.programs import require_program

PROJECT: Final = "fake-project"
REGION: Final = "us-central1"


@dataclass
class FakeFunctionsApi:
    """Says of every function that it is at `backend`."""

    backend: str
    lookups: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = JsonServer(self._answer)
        self.url, self.stop = self._server.url, self._server.stop

    def _answer(self, _: str, path: str, body: bytes) -> Reply:
        if path == "/token":
            return 200, token(body)
        self.lookups.append(path)
        name = path.partition("/v2/")[2].partition("?")[0]
        return 200, {
            "name": name,
            "state": "ACTIVE",
            "environment": "GEN_2",
            "url": self.backend,
            "serviceConfig": {"uri": self.backend},
        }


class Gcloud:
    """The real gcloud, signed in with a throw-away key, its Cloud Functions API pointed at a fake."""

    def __init__(self, api: FakeFunctionsApi, folder: Path) -> None:
        self._program = require_program("gcloud")
        key_file = folder / "key.json"
        key_file.write_text(json.dumps(service_account_key(f"{api.url}/token")))
        self._env = {
            "CLOUDSDK_CONFIG": str(folder / "gcloud"),
            "CLOUDSDK_CORE_PROJECT": PROJECT,
            "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
            "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
            "CLOUDSDK_CORE_CHECK_GCE_METADATA": "0",
            "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE": str(key_file),
            "CLOUDSDK_AUTH_TOKEN_HOST": f"{api.url}/token",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDFUNCTIONS": f"{api.url}/cloudfunctions/",
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
        }

    def call(self, function: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`gcloud functions call`."""
        return subprocess.run(
            [self._program, "functions", "call", function, "--gen2", f"--region={REGION}", *arguments],
            env=self._env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def token(body: bytes) -> dict[str, Any]:
    form = parse_qs(body.decode())
    claims: dict[str, Any] = {}
    if "assertion" in form:
        payload = form["assertion"][0].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    id_token = _jwt(claims.get("target_audience", "fake"))
    if "target_audience" in claims:
        return {"id_token": id_token}
    return {"access_token": "ya29.fake", "expires_in": 3600, "token_type": "Bearer", "id_token": id_token}


def _jwt(audience: str) -> str:
    now = int(time.time())
    claims = {"iss": "https://accounts.google.com", "aud": audience, "sub": "tester", "iat": now, "exp": now + 3600}
    parts = (b'{"alg":"RS256","kid":"fake","typ":"JWT"}', json.dumps(claims).encode(), b"signature")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def service_account_key(token_uri: str) -> dict[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "k1",
        "private_key": pem,
        "client_email": f"tester@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
