"""Deployment from CI without a key: a federated login of the local kind, through the real gcloud."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.conftest import ServedModel
from tests.support.gcloud import Deployment
from tests.support.gcp import FakeCloud
from tests.support.gcp.federation import FEDERATED, credential

REPOSITORY = "vets/penguins"
NAMES = ("predict", "score", "trigger", "build")


def _policy(cloud: FakeCloud, resource: str) -> dict[str, list[str]]:
    return {binding["role"]: binding["members"] for binding in cloud.policies[resource]["bindings"]}


def _account(name: str) -> str:
    return f"penguin-{name}@fake-project.iam.gserviceaccount.com"


@pytest.fixture
def accounts_there(cloud: FakeCloud, green_model: ServedModel) -> None:
    """What an owner's `up` has created."""
    cloud.buckets[green_model.bucket] = {"name": green_model.bucket, "projectNumber": cloud.number}
    for name in NAMES:
        cloud.accounts[_account(name)] = {"email": _account(name)}


@pytest.mark.slow
@pytest.mark.usefixtures("accounts_there")
def test_ci_deploys_without_a_key_and_smoke_tests_with_a_token_of_the_trigger_account(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel, green_model: ServedModel, tmp_path: Path
) -> None:
    outcome = deployment.run("keyless", f"{REPOSITORY}@4567", **green_model.settings)
    assert outcome.status == 0, outcome.stderr
    pool = f"projects/{cloud.number}/locations/global/workloadIdentityPools/github"
    assert f"WORKLOAD_IDENTITY_POOL  {pool}" in outcome.stdout
    again = deployment.run("keyless", f"{REPOSITORY}@4567", **green_model.settings)
    assert again.stderr.count("+ gcloud") == 0, "nothing differs"
    deployer = f"principalSet://iam.googleapis.com/{pool}/attribute.environment/production"
    trigger = _policy(cloud, f"projects/{cloud.project}/serviceAccounts/{_account('trigger')}")
    assert trigger["roles/iam.serviceAccountOpenIdTokenCreator"] == [deployer]
    project = _policy(cloud, f"projects/{cloud.project}")
    assert not {"roles/owner", "roles/editor", "roles/resourcemanager.projectIamAdmin"} & project.keys()

    # From here on, the login of a job in the environment `production`.
    claims = {"repository": REPOSITORY, "repository_id": "4567", "environment": "production"}
    job = credential(cloud, tmp_path / "credential.json", f"{pool}/providers/deploying", **claims)
    assert "private_key" not in job.read_text()
    (tmp_path / "gcloud" / "account.json").unlink()
    env = {key: str(job) if value.endswith("account.json") else value for key, value in deployment.env.items()}
    cloud.place_function("predict", blue_model.url, MODEL_URI=blue_model.uri, MODEL_DIGEST=blue_model.bundle.digest)
    cloud.next_backend["predict"] = green_model.url
    before = len(cloud.requests)
    released = replace(deployment, env=env).run("release", **green_model.settings)
    assert released.status == 0, released.stderr
    assert cloud.services["predict"].shares() == {"predict-00002-abc": 100}
    asked = [request for request in cloud.requests[before:] if request.path.endswith(":generateIdToken")]
    assert {request.body["audience"] for request in asked} == {cloud.services["predict"].url}
    assert _policy(cloud, f"projects/{cloud.project}/locations/us-central1/services/predict") == {
        "roles/run.invoker": [f"serviceAccount:{_account('trigger')}"]
    }
    of_run = [request.headers for request in cloud.requests[before:] if request.api == "run"]
    tokens = {value for headers in of_run for name, value in headers.items() if name.lower() == "authorization"}
    assert tokens == {f"Bearer {FEDERATED}"}


@pytest.mark.slow
@pytest.mark.usefixtures("accounts_there")
@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"repository": REPOSITORY, "repository_id": "4567"}, id="no-environment"),
        pytest.param(
            {"repository": REPOSITORY, "repository_id": "1", "environment": "production"}, id="name-taken-over"
        ),
    ],
)
def test_other_jobs_cannot_log_in_to_deploy(
    cloud: FakeCloud, deployment: Deployment, green_model: ServedModel, tmp_path: Path, claims: dict[str, str]
) -> None:
    pools = f"projects/{cloud.project}/locations/global/workloadIdentityPools/github"
    wanted = {"repository": REPOSITORY, "repository_id": "4567", "environment": "production"}
    condition = " && ".join(f"assertion.{claim}=='{value}'" for claim, value in wanted.items())
    mapping = {"attribute.environment": "assertion.environment"}
    cloud.pools[f"{pools}/providers/deploying"] = {"attributeCondition": condition, "attributeMapping": mapping}
    provider = f"{pools}/providers/deploying".replace(cloud.project, cloud.number)
    job = credential(cloud, tmp_path / "credential.json", provider, **claims)
    env = {key: str(job) if value.endswith("account.json") else value for key, value in deployment.env.items()}
    outcome = replace(deployment, env=env).run("status", **green_model.settings)
    assert outcome.status == 1
    assert "gcloud is not logged in" in outcome.last_line


@pytest.mark.parametrize("arguments", [[], ["penguins"], ["a/b", "c d"], ["a/b'||true"], ["a/b@x"]], ids=str)
def test_a_repository_that_is_none_is_a_wrong_command_line(deployment: Deployment, arguments: list[str]) -> None:
    outcome = deployment.run("keyless", *arguments)
    assert (outcome.status, "keyless needs OWNER/REPOSITORY" in outcome.last_line) == (2, True)
    assert json.dumps(deployment.cloud.requests) == "[]"
