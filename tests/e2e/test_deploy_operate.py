"""`status`, `rollback` and `down` on a project in which two revisions were deployed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from predictor.training.dataset import load_penguins
from predictor.trust.reference import Reference
from tests.e2e.conftest import ServedModel
from tests.support.events import push_document, raw_push
from tests.support.gcloud import Deployment, complaints
from tests.support.gcp import FakeCloud
from tests.support.processes import FunctionProcess, wait_until
from tests.support.traffic import bundle_with_reference, counted, line

pytestmark = pytest.mark.slow

OLD, NEW = "predict-00001-abc", "predict-00002-abc"
DIGEST = "sha256:" + "1" * 64


@pytest.fixture
def two_revisions(cloud: FakeCloud) -> None:
    cloud.place_function("predict", "http://127.0.0.1:9", MODEL_URI="gs://b/penguins/20260101-1", MODEL_DIGEST=DIGEST)
    cloud.place_function("predict", "http://127.0.0.1:9", MODEL_URI="gs://b/penguins/20260202-2", MODEL_DIGEST=DIGEST)
    cloud.services["predict"].split([{"revisionName": NEW, "percent": 100}, {"revisionName": OLD, "tag": "before"}])


@pytest.mark.usefixtures("two_revisions")
def test_status_prints_traffic_tags_and_models(cloud: FakeCloud, deployment: Deployment) -> None:
    outcome = deployment.run("status")
    assert outcome.status == 0, outcome.stderr
    head, columns, new, old, in_service, digest, sizes, events = outcome.stdout.splitlines()
    assert head == f"predict  {cloud.services['predict'].url}"
    assert columns.split() == ["REVISION", "TRAFFIC", "TAGS", "MODEL", "DIGEST", "COMMIT"]
    assert new.split() == [NEW, "100%", "-", "20260202-2", "11111111", "0123456"]
    assert old.split() == [OLD, "0%", "before", "20260101-1", "11111111", "0123456"]
    assert (in_service, digest) == (f"{NEW}:", f"  {DIGEST}")
    assert sizes.strip() == "1 to 100 instances of 1 CPU and 256Mi, 1 requests at once in each"
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
    assert twice.last_line == f"{OLD} has all traffic; {NEW} is newer, but was rolled back or never passed its checks"
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
    old.resource["status"]["conditions"] = [
        {"type": "Ready", "status": "False", "message": "Container failed to start"}
    ]
    named = deployment.run("rollback", OLD)
    assert (named.status, named.last_line) == (1, f"deploy.sh: {OLD} cannot serve: Container failed to start")
    unnamed = deployment.run("rollback")
    assert (unnamed.status, unnamed.last_line) == (1, f"deploy.sh: there is no ready revision older than {NEW}")
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


def test_drift_reads_the_summaries_of_the_model_in_service(
    cloud: FakeCloud, deployment: Deployment, tmp_path: Path
) -> None:
    published = bundle_with_reference(tmp_path / "models")
    dataset = load_penguins()
    reference = Reference.from_bytes((published.folder / "reference.json").read_bytes())
    fields = counted(reference, dataset.penguins, dataset.labels)
    heavier = [bird.model_copy(update={"body_mass_g": 1.1 * bird.body_mass_g}) for bird in dataset.penguins]
    resource = {"type": "cloud_run_revision", "labels": {"revision_name": OLD}}
    common = {"logName": "projects/fake-project/logs/run", "resource": resource, "timestamp": "2026-01-01T00:00:00Z"}
    cloud.place_function(
        "predict", "http://127.0.0.1:9", MODEL_URI=str(published.folder), MODEL_DIGEST=published.digest
    )
    cloud.log_entries = [common | {"jsonPayload": line(fields, digest=published.digest)}]
    quiet = deployment.run("drift", "7d")
    assert quiet.status == 0, quiet.stderr
    assert "333 penguins in 1 summaries" in quiet.stdout
    (asked,) = [request for request in cloud.requests if request.path == "v2/entries:list"]
    assert 'jsonPayload.event="traffic_summary"' in asked.body["filter"]

    fields = counted(reference, heavier, dataset.labels)
    cloud.log_entries.append(common | {"jsonPayload": line(fields, 1, published.digest)})
    changed = deployment.run("drift")
    assert changed.status == 1
    assert "measurements in the day 2026-11-03" in changed.stderr
    assert "docs/how-to/watch-drift.md says what to do" in changed.last_line
    assert cloud.mutations() == []


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


def test_logs_can_be_followed_from_a_severity_on(cloud: FakeCloud, deployment: Deployment) -> None:
    def asked() -> list[str]:
        return [request.body["filter"] for request in cloud.requests if request.path == "v2/entries:list"]

    fast = Deployment(cloud, deployment.folder, {**deployment.env, "FOLLOW_S": "0.1"}, deployment.settings)
    run = fast.start("logs", "--follow", "--severity", "error")
    wait_until(lambda: len(asked()) >= 2, "two looks into the log")
    run.interrupt()
    assert run.wait().status == 130
    first, second = asked()[:2]
    assert "severity>=ERROR" in first
    (ends,) = re.findall('receiveTimestamp<"([^"]+)"', first)
    assert f'receiveTimestamp>="{ends}"' in second  # No line is left out between the two.


@pytest.mark.parametrize("words", [["--follow", "status"], ["--follow", "logs", "2h"], ["--severity", "BAD", "logs"]])
def test_what_does_not_go_with_logs_is_refused(deployment: Deployment, words: list[str]) -> None:
    assert deployment.run(*words).status == 2


@pytest.mark.usefixtures("two_revisions")
def test_monitoring_is_changed_where_it_differs_and_nowhere_else(cloud: FakeCloud, deployment: Deployment) -> None:
    first = deployment.run("monitoring")
    assert first.status == 0, first.stderr
    assert "alerts notify nobody" in first.stderr
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


@pytest.fixture
def scorers(
    blue_model: ServedModel, green_model: ServedModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[FunctionProcess]]:
    """The events function with the blue and with the green model; results are lines of their logs."""
    started = [
        FunctionProcess(model.bundle.env, log_file=tmp_path_factory.mktemp("score") / "log", target="score")
        for model in (blue_model, green_model)
    ]
    yield [function.wait_until_up() for function in started]
    for function in started:
        function.stop()


def test_rollback_takes_both_functions_back_and_events_are_scored_by_the_former_model(
    cloud: FakeCloud,
    deployment: Deployment,
    blue_model: ServedModel,
    green_model: ServedModel,
    scorers: list[FunctionProcess],
) -> None:
    replaced = {"predict": "none", "score": "none"}
    for model, scorer in zip((blue_model, green_model), scorers, strict=True):
        shared = {"MODEL_URI": model.uri, "MODEL_DIGEST": model.bundle.digest}
        replaced["predict"] = cloud.place_function("predict", model.url, REPLACES=replaced["predict"], **shared)
        beside = {"REPLACES": replaced["score"], "HTTP_REVISION": replaced["predict"]}
        replaced["score"] = cloud.place_function("score", scorer.url, **beside, **shared)
    headers, body = raw_push(push_document())

    def scored_by() -> list[int]:
        counts = [len(scorer.log_lines("message_scored")) for scorer in scorers]
        assert httpx.post(cloud.services["score"].url, headers=headers, content=body, timeout=30).status_code == 204
        wait_until(lambda: sum(len(s.log_lines("message_scored")) for s in scorers) > sum(counts), "the result")
        return [len(scorer.log_lines("message_scored")) - count for scorer, count in zip(scorers, counts, strict=True)]

    assert scored_by() == [0, 1]
    outcome = deployment.run("rollback")
    assert outcome.status == 0, outcome.stderr
    assert cloud.services["predict"].shares() == {OLD: 100}
    assert cloud.services["score"].shares() == {"score-00001-abc": 100}
    assert scored_by() == [1, 0]

    again = deployment.run("rollback")
    assert again.status == 0, again.stderr
    assert again.last_line == "score-00001-abc takes all messages already"
    assert len(cloud.mutations()) == 2

    status = deployment.run("status").stdout.splitlines()
    assert [line for line in status if "100%" in line and "20260101-000000-00000101" not in line] == []
    assert len([line for line in status if "100%" in line]) == 2
    assert max(map(len, status)) <= 100

    cloud.services["score"].revisions.pop(0)
    cloud.services["score"].split([{"revisionName": "score-00002-abc", "percent": 100}])
    alone = deployment.run("rollback", OLD)
    assert alone.status == 1
    assert "score has no ready revision with the model of predict-00001-abc" in alone.last_line


@pytest.fixture
def furnished(cloud: FakeCloud, two_revisions: None) -> str:  # noqa: ARG001  what it furnishes
    """One of each thing that `down` deletes, and the bucket's name."""
    bucket = f"{cloud.project}-penguin-models"
    cloud.buckets[bucket] = {"name": bucket, "projectNumber": cloud.number}
    email = f"penguin-predict@{cloud.project}.iam.gserviceaccount.com"
    cloud.accounts[email] = {"name": f"projects/{cloud.project}/serviceAccounts/{email}", "email": email}
    somebody = {"role": "roles/storage.objectViewer", "members": [f"serviceAccount:{email}", "user:a@example.org"]}
    cloud.policies[f"buckets/{bucket}"] = {"bindings": [somebody], "etag": "CAE=", "version": 1}
    topic, subscription = (
        f"projects/{cloud.project}/{name}" for name in ("topics/penguins", "subscriptions/penguins-score")
    )
    cloud.topics[topic] = {"name": topic}
    cloud.subscriptions[subscription] = {"name": subscription, "topic": topic}
    metric = f"projects/{cloud.project}/metrics/predict-model-loads"
    cloud.watching["metrics"] = {metric: {"name": "predict-model-loads"}}
    return bucket


@pytest.mark.parametrize("answer", ["", "no\n", "fake-projec\n", "y"])
def test_down_does_nothing_unless_the_project_is_named(
    cloud: FakeCloud, deployment: Deployment, furnished: str, answer: str
) -> None:
    outcome = replace(deployment, answer=answer).run("down", "--with-data")
    assert outcome.status == 1
    assert f"THE BUCKET gs://{furnished} AND EVERY MODEL IN IT ARE DELETED" in outcome.stderr
    assert outcome.last_line.startswith("deploy.sh: not confirmed")
    assert cloud.mutations() == []


def test_down_keeps_the_bucket_and_takes_its_accounts_out_of_it(
    cloud: FakeCloud, deployment: Deployment, furnished: str
) -> None:
    protected = deployment.run("--yes", "down", PROTECTED="true")
    assert (protected.status, cloud.mutations()) == (1, [])
    assert "PROTECTED=true: nothing was deleted" in protected.last_line
    confirmed = replace(deployment, answer="fake-project\n").run("down")
    assert confirmed.status == 0, confirmed.stderr
    left = [
        cloud.functions,
        cloud.services,
        cloud.topics,
        cloud.subscriptions,
        cloud.accounts,
        cloud.watching["metrics"],
    ]
    assert left == [{}] * len(left)
    assert furnished in cloud.buckets
    (binding,) = cloud.policies[f"buckets/{furnished}"]["bindings"]
    assert binding["members"] == ["user:a@example.org"]

    count = len(cloud.mutations())
    again = deployment.run("--yes", "down")
    assert again.status == 0, again.stderr
    assert len(cloud.mutations()) == count, "nothing is left to take down"
    assert again.last_line == "nothing of this deployment was there"


def test_down_with_data_deletes_the_bucket_last(cloud: FakeCloud, deployment: Deployment, furnished: str) -> None:
    outcome = deployment.run("--yes", "--with-data", "down")
    assert outcome.status == 0, outcome.stderr
    assert cloud.buckets == {}
    last = cloud.mutations()[-1]
    assert (last.method, last.api, last.path) == ("DELETE", "storage", f"b/{furnished}")

    count = len(cloud.mutations())
    again = deployment.run("--yes", "--with-data", "down")
    assert again.status == 0, again.stderr
    assert len(cloud.mutations()) == count


def test_down_leaves_a_bucket_of_another_project_alone(
    cloud: FakeCloud, deployment: Deployment, furnished: str
) -> None:
    cloud.buckets[furnished]["projectNumber"] = "666"
    outcome = deployment.run("--yes", "--with-data", "down")
    assert outcome.status == 1
    assert "belongs to project number 666" in outcome.last_line
    assert cloud.mutations() == []


@pytest.mark.parametrize(
    ("command", "changes"),
    [("status", 0), ("logs", 0), ("rollback", 1), ("monitoring", 35), ("down", 6), ("down --with-data", 6)],
)
@pytest.mark.usefixtures("furnished")
def test_a_dry_run_of_any_command_prints_what_can_be_pasted_and_changes_nothing(
    cloud: FakeCloud, deployment: Deployment, tmp_path: Path, command: str, changes: int
) -> None:
    outcome = deployment.run("--dry-run", *command.split())
    assert outcome.status == 0, outcome.stderr
    assert cloud.mutations() == []
    lines = outcome.stdout.splitlines() if changes else []
    assert len(lines) >= changes
    assert all(line.startswith(("gcloud ", "curl ")) for line in lines)
    assert (
        complaints([line for line in lines if line.startswith("gcloud ")] or ["gcloud info"], tmp_path / "lint") == []
    )


def test_with_nothing_deployed_every_command_says_so(cloud: FakeCloud, deployment: Deployment) -> None:
    status = deployment.run("status")
    assert (status.status, status.stdout) == (0, "predict  is not deployed\nscore  is not deployed\n")
    logs = deployment.run("logs")
    assert (logs.status, logs.stdout) == (0, "")
    rollback = deployment.run("rollback")
    assert (rollback.status, rollback.last_line) == (1, "deploy.sh: predict is not deployed")
    monitoring = deployment.run("monitoring")
    assert (monitoring.status, monitoring.last_line) == (
        1,
        "deploy.sh: predict is not deployed: run ./deploy.sh up first",
    )
    down = deployment.run("--yes", "down")
    assert down.status == 0, down.stderr
    assert cloud.mutations() == []
