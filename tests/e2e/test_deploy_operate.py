"""`status`, `rollback` and `down` on a project in which two revisions were deployed."""

import pytest

from tests.support.gcloud import Deployment
from tests.support.gcp import FakeCloud

pytestmark = pytest.mark.slow

OLD, NEW = "predict-00001-abc", "predict-00002-abc"
LIMITS = ("1-100", "1", "1", "256Mi")
DIGEST = "sha256:" + "1" * 64


@pytest.fixture
def two_revisions(cloud: FakeCloud) -> None:
    cloud.place_function("predict", "http://127.0.0.1:9", MODEL_URI="gs://b/penguins/20260101-1", MODEL_DIGEST=DIGEST)
    cloud.place_function("predict", "http://127.0.0.1:9", MODEL_URI="gs://b/penguins/20260202-2", MODEL_DIGEST=DIGEST)
    cloud.services["predict"].split([{"revisionName": NEW, "percent": 100}, {"revisionName": OLD, "tag": "before"}])


@pytest.mark.usefixtures("two_revisions")
def test_status_tells_traffic_tags_and_models(cloud: FakeCloud, deployment: Deployment) -> None:
    outcome = deployment.run("status")
    assert outcome.status == 0, outcome.stderr
    head, columns, new, old, events = outcome.stdout.splitlines()
    assert head == f"predict  {cloud.services['predict'].url}"
    assert columns.split() == [
        *("REVISION", "TRAFFIC", "TAGS", "READY", "MODEL", "DIGEST"),
        *("INSTANCES", "CONCURRENCY", "CPU", "MEMORY", "COMMIT"),
    ]
    assert new.split() == [NEW, "100%", "-", "yes", "20260202-2", DIGEST, *LIMITS, "0123456789ab"]
    assert old.split() == [OLD, "0%", "before", "yes", "20260101-1", DIGEST, *LIMITS, "0123456789ab"]
    assert events == "score  is not deployed"
    assert cloud.mutations() == []


@pytest.mark.usefixtures("two_revisions")
def test_rollback_goes_to_the_revision_before_and_is_done_once(cloud: FakeCloud, deployment: Deployment) -> None:
    first = deployment.run("rollback")
    assert first.status == 0, first.stderr
    assert cloud.services["predict"].shares() == {OLD: 100}

    again = deployment.run("rollback", OLD)
    assert again.status == 0, again.stderr
    assert len(cloud.mutations()) == 1, "it is there already"

    twice = deployment.run("rollback")
    assert twice.status == 0, twice.stderr
    assert twice.last_line == f"{OLD} has all traffic, and {NEW} is newer: it was taken back already, or it never passed"
    assert len(cloud.mutations()) == 1, "whoever is in a hurry and asks twice goes back once"

    unknown = deployment.run("rollback", "predict-00009-abc")
    assert unknown.status == 1
    assert "predict has no revision predict-00009-abc" in unknown.last_line


def test_rollback_passes_over_a_revision_that_never_passed(cloud: FakeCloud, deployment: Deployment) -> None:
    backend = "http://127.0.0.1:9"
    oldest = cloud.place_function("predict", backend)
    before = cloud.place_function("predict", backend, REPLACES=oldest)
    cloud.place_function("predict", backend, REPLACES=before)  # Its smoke failed: it never got traffic.
    latest = cloud.place_function("predict", backend, REPLACES=before)

    outcome = deployment.run("rollback")
    assert outcome.status == 0, outcome.stderr
    assert cloud.services["predict"].shares() == {before: 100}

    again = deployment.run("rollback")
    assert again.status == 0, again.stderr
    assert cloud.services["predict"].shares() == {before: 100}
    assert latest in again.last_line
    assert again.last_line.endswith(f"to go further back: ./deploy.sh rollback {oldest}")


@pytest.mark.usefixtures("two_revisions")
def test_rollback_refuses_a_revision_that_cannot_serve(cloud: FakeCloud, deployment: Deployment) -> None:
    (old, _) = cloud.services["predict"].revisions
    old.resource["status"]["conditions"] = [{"type": "Ready", "status": "False", "message": "Container failed to start"}]
    named = deployment.run("rollback", OLD)
    assert (named.status, named.last_line) == (1, f"deploy.sh: {OLD} cannot serve: Container failed to start")
    unnamed = deployment.run("rollback")
    assert (unnamed.status, unnamed.last_line) == (1, f"deploy.sh: there is no ready revision before {NEW}")
    assert cloud.mutations() == []


@pytest.mark.usefixtures("two_revisions")
def test_a_command_that_google_refuses_is_named_in_the_last_line(cloud: FakeCloud, deployment: Deployment) -> None:
    cloud.refuse = lambda request: request.mutating
    outcome = deployment.run("rollback")
    assert outcome.status == 1
    assert outcome.last_line == ("deploy.sh: gcloud run services update-traffic predict failed (its message is above)")
    assert "Permission denied" in outcome.stderr


@pytest.mark.usefixtures("two_revisions")
def test_rollback_ends_a_split_that_a_dead_release_left(cloud: FakeCloud, deployment: Deployment) -> None:
    cloud.services["predict"].split(
        [{"revisionName": NEW, "percent": 25, "tag": "green"}, {"revisionName": OLD, "percent": 75}]
    )
    outcome = deployment.run("rollback")
    assert outcome.status == 0, outcome.stderr
    assert cloud.services["predict"].shares() == {OLD: 100}
    assert cloud.services["predict"].tags() == {}


def test_logs_show_what_both_functions_said(cloud: FakeCloud, deployment: Deployment) -> None:
    resource = {"type": "cloud_run_revision", "labels": {"revision_name": OLD}}
    common = {"logName": "projects/fake-project/logs/run", "resource": resource, "timestamp": "2026-01-01T00:00:00Z"}
    said = {"event": "model_loaded", "message": "Model loaded"}
    cloud.log_entries = [common | {"severity": "INFO", "jsonPayload": said}, common | {"textPayload": "Out of memory"}]
    outcome = deployment.run("logs", "2h")
    assert outcome.status == 0, outcome.stderr
    _, json_line, text_line = outcome.stdout.splitlines()
    assert json_line.split()[2:] == ["INFO", OLD, "model_loaded", "Model", "loaded"]
    assert text_line.endswith("Out of memory")
    (asked,) = [request for request in cloud.requests if request.path == "v2/entries:list"]
    assert 'service_name="predict" OR resource.labels.service_name="score"' in asked.body["filter"]


@pytest.mark.usefixtures("two_revisions")
def test_monitoring_is_changed_where_it_differs_and_nowhere_else(cloud: FakeCloud, deployment: Deployment) -> None:
    first = deployment.run("monitoring")
    assert first.status == 0, first.stderr
    assert "alerts tell nobody" in first.stderr
    names = {policy["displayName"] for policy in cloud.watching["alertPolicies"].values()}
    assert "predict: no instance" in names

    count = len(cloud.mutations())
    assert deployment.run("monitoring").status == 0
    assert cloud.mutations()[count:] == []

    (dashboard,) = cloud.watching["dashboards"].values()
    dashboard["mosaicLayout"]["columns"] = 48
    policy = next(p for p in cloud.watching["alertPolicies"].values() if p["displayName"] == "predict: CPU over 80%")
    policy["conditions"][0]["conditionThreshold"]["thresholdValue"] = 0.5
    cloud.watching["metrics"]["projects/fake-project/metrics/predict-model-loads"]["filter"] = "changed by hand"
    mended = deployment.run("monitoring", MIN_INSTANCES="0")
    assert mended.status == 0, mended.stderr
    changes = {
        (request.method, request.path.rpartition("projects/fake-project/")[2]) for request in cloud.mutations()[count:]
    }
    no_instance = next(path for method, path in changes if method == "DELETE")
    assert changes == {
        ("PUT", "metrics/predict-model-loads"),
        ("PATCH", dashboard["name"].partition("fake-project/")[2]),
        ("PATCH", policy["name"].partition("fake-project/")[2]),
        ("DELETE", no_instance),
    }
    assert no_instance.startswith("alertPolicies/")


@pytest.mark.usefixtures("two_revisions")
def test_down_asks_first_and_keeps_the_bucket(cloud: FakeCloud, deployment: Deployment) -> None:
    bucket = f"{cloud.project}-penguin-models"
    cloud.buckets[bucket] = {"name": bucket, "projectNumber": cloud.number}
    topic = f"projects/{cloud.project}/topics/penguins"
    cloud.topics[topic] = {"name": topic}
    email = f"penguin-predict@{cloud.project}.iam.gserviceaccount.com"
    cloud.accounts[email] = {"name": f"projects/{cloud.project}/serviceAccounts/{email}", "email": email}
    metric = f"projects/{cloud.project}/metrics/predict-model-loads"
    cloud.watching["metrics"] = {metric: {"name": "predict-model-loads"}}

    unasked = deployment.run("down")
    assert unasked.status == 1
    assert "not confirmed" in unasked.last_line
    assert cloud.mutations() == []

    confirmed = deployment.run("--yes", "down")
    assert confirmed.status == 0, confirmed.stderr
    left = [cloud.functions, cloud.services, cloud.topics, cloud.accounts, cloud.watching["metrics"]]
    assert left == [{}] * len(left)
    assert bucket in cloud.buckets

    count = len(cloud.mutations())
    again = deployment.run("--yes", "down")
    assert again.status == 0, again.stderr
    assert len(cloud.mutations()) == count, "nothing is left to take down"
