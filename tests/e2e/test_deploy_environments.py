"""Two deployments in one project: what one does leaves the other as it is, and one takes over what the other tried."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ServedModel
from tests.support.gcloud import Deployment
from tests.support.gcp import FakeCloud
from tests.support.gcs import GcsServer

pytestmark = pytest.mark.slow


@pytest.fixture
def staging(cloud: FakeCloud, deployment: Deployment, tmp_path: Path, green_model: ServedModel) -> Deployment:
    """In another region, with the green model in its bucket. Production's deploy.env is another file."""
    cloud.buckets[green_model.bucket] = {"name": green_model.bucket, "projectNumber": cloud.number}
    cloud.next_backend |= {"staging-predict": green_model.url, "staging-score": green_model.url}
    own = {"PREFIX": "staging", "REGION": "europe-west1", "MODEL_ROOT": "penguins", **green_model.settings}
    folder = tmp_path / "staging"
    folder.mkdir()
    return replace(deployment, folder=folder, settings={**deployment.settings, **own})


def _everything(cloud: FakeCloud, *, of_staging: bool) -> dict[str, Any]:
    """All resources with, or without, the prefix in their names: policies, accounts, functions, topics, alerts."""
    found: dict[str, Any] = {}
    collections = {key: getattr(cloud, key) for key in ("accounts", "functions", "topics", "subscriptions", "policies")}
    for kind, held in {**collections, **cloud.watching}.items():
        for name, resource in held.items():
            label = f"{name} {resource.get('displayName', '')}"
            if ("staging-" in label) == of_staging:
                found[f"{kind} {name}"] = copy.deepcopy(resource)
    found["traffic"] = {
        name: service.shares() for name, service in cloud.services.items() if name.startswith("staging-") == of_staging
    }
    return found


def test_a_model_goes_from_staging_to_production_and_back_and_neither_touches_the_other(
    cloud: FakeCloud,
    deployment: Deployment,
    staging: Deployment,
    gcs_server: GcsServer,
    blue_model: ServedModel,
    green_model: ServedModel,
) -> None:
    bucket = f"production-{cloud.port}"
    gcs_server.create_bucket(bucket)
    cloud.next_backend |= {"predict": blue_model.url, "score": blue_model.url}
    production = replace(deployment, settings={**deployment.settings, "BUCKET": bucket})
    up = production.run("up", MODEL_FOLDER=str(blue_model.bundle.folder.parent))
    assert up.status == 0, up.stderr
    before = _everything(cloud, of_staging=False)

    tried = staging.run("up")
    assert tried.status == 0, tried.stderr
    after = _everything(cloud, of_staging=False)
    # Both build accounts have their role in the project, and the green model's bucket is staging's.
    shared = {f"policies projects/{cloud.project}", f"policies buckets/{green_model.bucket}"}
    assert {key for key in after if after[key] != before.get(key)} <= shared
    assert sorted(cloud.services) == ["predict", "score", "staging-predict", "staging-score"]
    assert cloud.services["staging-score"].region == "europe-west1"

    # An open alert of staging stops it; one of production would not.
    cloud.open_alerts = [{"state": "OPEN", "policy": {"displayName": "staging-predict: 5xx share over 1%"}}]
    cloud.next_backend |= {"predict": green_model.url, "score": green_model.url}
    file = str(staging.folder / "deploy.env")
    count = len(cloud.mutations())
    stopped = production.run("promote", "--from", file)
    assert (stopped.status, len(cloud.mutations())) == (1, count)
    assert "an alert of staging-predict is open: staging-predict: 5xx share over 1%" in stopped.last_line

    cloud.open_alerts = [{"state": "OPEN", "policy": {"displayName": "predict: 5xx share over 1%"}}]
    tried_before = _everything(cloud, of_staging=True)
    promoted = production.run("promote", "--from", file)
    assert promoted.status == 0, promoted.stderr
    version = green_model.bundle.folder.name
    for name in ("predict", "score"):
        service = cloud.services[name]
        assert service.shares() == {f"{name}-00002-abc": 100}
        environment = {e["name"]: e["value"] for e in service.latest.resource["spec"]["containers"][0]["env"]}
        assert environment["MODEL_DIGEST"] == green_model.bundle.digest
        assert environment["MODEL_URI"] == f"gs://{bucket}/penguins/{version}"
    assert _everything(cloud, of_staging=True) == tried_before

    back = production.run("rollback")
    assert back.status == 0, back.stderr
    assert _everything(cloud, of_staging=False)["traffic"] == {
        "predict": {"predict-00001-abc": 100},
        "score": {"score-00001-abc": 100},
    }

    before = _everything(cloud, of_staging=False)
    down = staging.run("--yes", "down")
    assert down.status == 0, down.stderr
    left = _everything(cloud, of_staging=True)
    assert {key for key in left if not key.startswith("policies ")} == {"traffic"}
    assert left["traffic"] == {}
    after = _everything(cloud, of_staging=False)
    assert {key for key in after if after[key] != before[key]} <= shared


def test_the_same_names_in_another_region_are_refused(cloud: FakeCloud, deployment: Deployment) -> None:
    """Topics, accounts and alerts have no region: `down` of one deployment would take the other's."""
    topic = f"projects/{cloud.project}/topics/penguins"
    cloud.topics[topic] = {"name": topic, "labels": {"region": "europe-west1"}}
    outcome = deployment.run("--yes", "down")
    assert outcome.status == 1
    assert "belong to a deployment in europe-west1, not in us-central1: set another PREFIX" in outcome.last_line
    assert cloud.mutations() == []
