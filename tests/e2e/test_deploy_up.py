"""`deploy.sh up` with the real gcloud: what it asks of Google, from an empty project, and again."""

import io
import itertools
import json
import math
import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ServedModel
from tests.support.cli import run
from tests.support.gcloud import Deployment, complaints, gcloud_lines
from tests.support.gcp import FakeCloud, NotYet, Recorded
from tests.support.gcp.monitoring import not_yet_a_metric
from tests.support.gcs import GcsServer
from tests.support.processes import PROJECT
from tests.support.signing import make_key

AGENT = "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
# What Google answers, as users reported it, while something is not known everywhere yet.
METRIC_UNKNOWN = not_yet_a_metric("predict-unhandled-errors").args[0]
ACCOUNT_UNKNOWN = "Service account penguin-predict@fake-project.iam.gserviceaccount.com does not exist."
NOT_AUTHORIZED = "User not authorized to perform this action."
CANNOT_BUILD = (
    "Build failed with status: FAILURE. Could not build the function due to a missing permission on the build service"
    " account. If you didn't revoke that permission explicitly, this could be caused by a change in the organization"
    " policies."
)
CANNOT_START = (
    "Could not create or update Cloud Run service predict, Container Healthcheck failed. The user-provided container"
    " failed to start and listen on the port defined provided by the PORT=8080 environment variable"
)
CHECK_ENFORCED = "Constraint constraints/run.managed.requireInvokerIam violated"
DOMAIN_RESTRICTED = "One or more users named in the policy do not belong to a permitted customer."
STRANGERS = r"/(training|publishing|beam|drift|operations|cli)/|smoke|client\.py|__pycache__|__main__"
CHECK_OFF = "run.googleapis.com/invoker-iam-disabled"
MONITORING = "serviceAccount:service-123456789012@gcp-sa-monitoring-notification.iam.gserviceaccount.com"


def _account(name: str) -> str:
    return f"serviceAccount:{name}@fake-project.iam.gserviceaccount.com"


@pytest.fixture
def local_model(cloud: FakeCloud, blue_model: ServedModel, gcs_server: GcsServer) -> dict[str, str]:
    """Settings that publish the blue model from its folder to a bucket of the test's own, which is still to be made."""
    bucket = f"models-{cloud.port}"
    gcs_server.create_bucket(bucket)  # Where the objects are; the control plane knows nothing of it yet.
    cloud.next_backend = {"predict": blue_model.url, "score": blue_model.url}
    return {"BUCKET": bucket, "MODEL_FOLDER": str(blue_model.bundle.folder.parent)}


@pytest.mark.slow
def test_an_empty_project_becomes_a_service_and_a_second_run_changes_nothing(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel, local_model: dict[str, str], tmp_path: Path
) -> None:
    settings = {**local_model, "INVOKERS": "group:vets@example.org", "NOTIFICATION_CHANNELS": "channel/1, channel/2"}
    first = deployment.run("up", **settings)
    assert first.status == 0, first.stderr
    assert re.search(r"curl http://127\.0\.0\.1:\d+/predict -H ", first.stdout)

    _check_functions(cloud, blue_model, local_model["BUCKET"])
    _check_uploads(cloud, blue_model, tmp_path / "uploaded")
    _check_bucket(cloud, local_model["BUCKET"])
    _check_grants(cloud, local_model["BUCKET"])
    _check_grants_in_documentation(cloud, local_model["BUCKET"])
    _check_events(cloud)
    _check_monitoring(cloud)

    count = len(cloud.requests)
    second = deployment.run("up", **settings)
    assert second.status == 0, second.stderr
    assert [request for request in cloud.requests[count:] if request.mutating] == []

    count = len(cloud.requests)
    third = deployment.run("--dry-run", "up", CONCURRENCY="40", ACK_DEADLINE_S="90", EVENTS_TIMEOUT_S="90", **settings)
    assert third.status == 0, third.stderr
    assert [request for request in cloud.requests[count:] if request.mutating] == []
    changes = [line for line in third.stdout.splitlines() if line.startswith("gcloud")]
    assert [" ".join(line.split()[1:5]) for line in changes[:2]] == [
        "run services update-traffic predict",
        "functions deploy predict --gen2",
    ]
    assert changes[-1].startswith("gcloud pubsub subscriptions update penguins-score ")


def _deployed(cloud: FakeCloud, name: str) -> Any:
    (created,) = [request for request in cloud.mutations("cloudfunctions") if request.query.get("functionId") == name]
    assert created.method == "POST"
    return created.body


def _check_functions(cloud: FakeCloud, model: ServedModel, bucket: str) -> None:
    predict, score = _deployed(cloud, "predict"), _deployed(cloud, "score")
    for function, entry_point, account in ((predict, "predict", "penguin-predict"), (score, "score", "penguin-score")):
        assert "eventTrigger" not in function
        build, service = function["buildConfig"], function["serviceConfig"]
        assert (build["runtime"], build["entryPoint"]) == ("python313", entry_point)
        assert build["serviceAccount"].endswith("/penguin-build@fake-project.iam.gserviceaccount.com")
        assert service["serviceAccountEmail"] == f"{account}@fake-project.iam.gserviceaccount.com"
        assert (service["availableCpu"], service["availableMemory"], service["timeoutSeconds"]) == ("1", "512Mi", 60)
        environment = service["environmentVariables"]
        assert environment["MODEL_URI"] == f"gs://{bucket}/penguins/{model.bundle.folder.name}"
        assert environment["MODEL_DIGEST"] == model.bundle.digest
        assert environment["MODEL_LOADING"] == "eager"
        labels = function["labels"]
        assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?", labels["git-commit"])
        assert labels["model-version"] == model.bundle.folder.name
    config = predict["serviceConfig"]
    assert (config["minInstanceCount"], config["maxInstanceCount"], config["maxInstanceRequestConcurrency"]) == (
        1,
        10,
        80,
    )
    assert score["serviceConfig"]["ingressSettings"] == "ALLOW_INTERNAL_ONLY"
    assert (
        score["serviceConfig"]["environmentVariables"]["RESULTS_TOPIC"]
        == "projects/fake-project/topics/penguin-results"
    )
    assert (
        score["serviceConfig"]["environmentVariables"]["REJECTS_TOPIC"]
        == "projects/fake-project/topics/penguin-rejects"
    )


def _check_uploads(cloud: FakeCloud, model: ServedModel, folder: Path) -> None:
    """What is deployed starts by itself, and holds nothing that serving does not need."""
    uploads = cloud.mutations("upload")
    assert len(uploads) == 2
    assert uploads[0].zipped == uploads[1].zipped
    others = [name for name in uploads[0].zipped if not name.startswith("predictor/")]
    assert others == ["main.py", "requirements.txt"]
    strangers = [name for name in uploads[0].zipped if re.search(STRANGERS, name)]
    assert strangers == []

    with zipfile.ZipFile(io.BytesIO(uploads[0].raw)) as archive:
        archive.extractall(folder)
    script = (
        "import importlib, pkgutil, main, predictor\n"
        "for module in pkgutil.walk_packages(predictor.__path__, 'predictor.'): importlib.import_module(module.name)\n"
        "print(predictor.__file__)"
    )
    env = {"PATH": os.environ["PATH"], "MODEL_LOADING": "eager", **model.bundle.env}
    start = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert start.returncode == 0, start.stdout + start.stderr
    assert json.loads(start.stdout.splitlines()[-1])["message"] == str(folder / "predictor" / "__init__.py")
    assert '"model_loaded"' in start.stdout.replace(" ", "")


def _check_bucket(cloud: FakeCloud, name: str) -> None:
    bucket = cloud.buckets[name]
    assert bucket["iamConfiguration"]["uniformBucketLevelAccess"]["enabled"] is True
    assert bucket["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    assert bucket["versioning"] == {"enabled": True}


def _grants(policy: Any) -> set[tuple[str, str]]:
    return {(binding["role"], member) for binding in policy.get("bindings", []) for member in binding["members"]}


def _check_grants(cloud: FakeCloud, bucket: str) -> None:
    """Everything that anybody was granted, and no more."""
    here = "projects/fake-project"
    service = f"{here}/locations/us-central1/services"
    publisher = {("roles/pubsub.publisher", _account("penguin-score"))}
    assert {name: _grants(policy) for name, policy in cloud.policies.items()} == {
        f"{here}": {("roles/run.builder", _account("penguin-build"))},
        f"buckets/{bucket}": {
            ("roles/storage.objectViewer", _account("penguin-predict")),
            ("roles/storage.objectViewer", _account("penguin-score")),
        },
        f"{service}/predict": {("roles/run.invoker", "group:vets@example.org"), ("roles/run.invoker", MONITORING)},
        f"{service}/score": {("roles/run.invoker", _account("penguin-trigger"))},
        f"{here}/topics/penguin-results": publisher,
        f"{here}/topics/penguin-rejects": publisher,
        f"{here}/topics/penguin-dead-letters": {("roles/pubsub.publisher", AGENT)},
        f"{here}/subscriptions/penguins-score": {("roles/pubsub.subscriber", AGENT)},
        f"{here}/serviceAccounts/penguin-trigger@fake-project.iam.gserviceaccount.com": {
            ("roles/iam.serviceAccountTokenCreator", AGENT)
        },
    }
    assert not [r for r in cloud.requests if b"allUsers" in r.raw or b"compute@developer" in r.raw]


def _check_grants_in_documentation(cloud: FakeCloud, bucket: str) -> None:
    """The reference's table of grants has what was granted, and no more. Its rows: account, role, on what, what for.

    `bigquery` and `batch` make grants of their own, in a section of their own.
    """
    page = (PROJECT / "docs/reference/deployment.md").read_text().partition("### Of `bigquery` and `batch`")[0]
    rows = re.findall(r"^\| ([^|]+) \| `(roles/[^`]+)` \| ([^|]+) \|", page, re.MULTILINE)
    here, run = "projects/fake-project", "projects/fake-project/locations/us-central1/services"
    accounts = {"Pub/Sub's service agent": AGENT, "Cloud Monitoring's service agent": MONITORING}
    accounts["each of `INVOKERS`"] = "group:vets@example.org"
    places = {
        "the project": here,
        "the bucket for models": f"buckets/{bucket}",
        "the HTTP function": f"{run}/predict",
        "the events function": f"{run}/score",
        "`penguin-trigger`": f"{here}/serviceAccounts/penguin-trigger@fake-project.iam.gserviceaccount.com",
        "the push subscription": f"{here}/subscriptions/penguins-score",
    }
    places |= {f"the topic `{name}`": f"{here}/topics/{name}" for name in ("penguin-results", "penguin-rejects")}
    places["the topic `penguin-dead-letters`"] = f"{here}/topics/penguin-dead-letters"
    written = {
        (places[place], role, accounts.get(who) or _account(who.strip("`")))
        for who, role, place in rows
        if "with `INPUT_BUCKET`" not in place
    }
    assert written == {(place, *grant) for place, policy in cloud.policies.items() for grant in _grants(policy)}


def _check_events(cloud: FakeCloud) -> None:
    here = "projects/fake-project"
    trigger = cloud.subscriptions[f"{here}/subscriptions/penguins-score"]
    url = cloud.services["score"].url
    assert trigger["topic"] == f"{here}/topics/penguins"
    assert trigger["pushConfig"]["pushEndpoint"] == url
    assert trigger["pushConfig"]["oidcToken"] == {
        "serviceAccountEmail": "penguin-trigger@fake-project.iam.gserviceaccount.com",
        "audience": url,
    }
    assert trigger["ackDeadlineSeconds"] == 60
    assert trigger["retryPolicy"] == {"minimumBackoff": "10s", "maximumBackoff": "600s"}
    assert trigger["deadLetterPolicy"] == {
        "deadLetterTopic": f"{here}/topics/penguin-dead-letters",
        "maxDeliveryAttempts": 10,
    }
    assert trigger["enableMessageOrdering"] is True
    kept = cloud.subscriptions[f"{here}/subscriptions/penguin-dead-letters-kept"]
    assert kept["topic"] == f"{here}/topics/penguin-dead-letters"
    assert "pushEndpoint" not in kept.get("pushConfig", {})


def _check_monitoring(cloud: FakeCloud) -> None:
    """One resource of each file in ops/, with no name left to fill in."""
    counts = {kind: len(held) for kind, held in cloud.watching.items()}
    assert counts == {
        "metrics": len(list((PROJECT / "ops/metrics").glob("*.json"))),
        "alertPolicies": len(list((PROJECT / "ops/alerts").glob("*.json"))) - 1,  # Nobody said what low traffic is.
        "serviceLevelObjectives": len(list((PROJECT / "ops/slo").glob("*.json"))),
        **dict.fromkeys(("dashboards", "uptimeCheckConfigs", "services"), 1),
    }
    assert re.findall(r"\$\{[A-Z_]+\}", json.dumps(cloud.watching)) == []
    host = cloud.services["predict"].url.removeprefix("http://")
    (uptime,) = cloud.watching["uptimeCheckConfigs"].values()
    assert uptime["monitoredResource"]["labels"]["host"] == host
    assert all(
        policy["notificationChannels"] == ["channel/1", "channel/2"]
        for policy in cloud.watching["alertPolicies"].values()
    )


def _body(request: Recorded) -> str:
    return request.raw.decode(errors="replace")


def _check_settings(cloud: FakeCloud, limits: dict[str, str]) -> None:
    for name in ("predict", "score"):
        environment = _deployed(cloud, name)["serviceConfig"]["environmentVariables"]
        assert {key: environment.get(key) for key in [*limits, "REQUEST_TIMEOUT_S", "PROTOCOLS"]} == {
            **limits,
            "REQUEST_TIMEOUT_S": None,
            "PROTOCOLS": "v1,bigquery" if name == "predict" else None,
        }


@pytest.mark.slow
def test_what_google_does_not_know_yet_is_waited_for_and_a_service_is_opened_and_closed(
    cloud: FakeCloud, deployment: Deployment, local_model: dict[str, str]
) -> None:
    """An `up` from nothing in a new project, then access without new revisions; and files, when they are asked for."""
    hasty = replace(deployment, env={**deployment.env, "SETTLE_S": "0"})
    cloud.not_yet = [
        NotYet(lambda r: r.path.endswith("/alertPolicies") and "user/predict-unha" in _body(r), 404, METRIC_UNKNOWN),
        NotYet(lambda r: r.method == "PUT" and r.path.endswith("/iam"), 400, ACCOUNT_UNKNOWN),
        NotYet(
            lambda r: r.method == "PUT" and r.path.endswith("/subscriptions/penguins-score"), 403, NOT_AUTHORIZED, 1
        ),
    ]
    cloud.deployment_failures = iter([*[CANNOT_BUILD] * 3, CANNOT_START])
    files = {"INPUT_BUCKET": "notes", "RESULTS_BUCKET": "scored", "ACK_DEADLINE_S": "600", "EVENTS_TIMEOUT_S": "600"}
    limits = {"MAX_BYTES_IN_FLIGHT": "33554432"}
    for name in ("notes", "scored"):
        cloud.buckets[name] = {"name": name, "projectNumber": cloud.number}
    settings = {**local_model, **files, **limits, "INVOKERS": "user:a@example.org, group:vets@example.org"}
    settings["PROTOCOLS"] = "v1,bigquery"
    first = hasty.run("up", **settings)
    assert first.status == 0, first.stderr
    waits = re.findall(r"waiting for (.*), which Google does not know everywhere yet", first.stderr)
    assert Counter(waits) == {
        "what the account penguin-build@fake-project.iam.gserviceaccount.com may do": 3,
        f"the permission to read gs://{local_model['BUCKET']}": 1,
        "the account penguin-predict@fake-project.iam.gserviceaccount.com": 3,
        "the account penguin-trigger@fake-project.iam.gserviceaccount.com": 1,
        "the metrics that 1 alerts read": 3,
    }
    assert "going on without" not in first.stderr
    _check_files(cloud)
    _check_settings(cloud, limits)
    here = f"projects/{cloud.project}/locations/{cloud.region}/services/predict"
    trigger = _account("penguin-trigger")  # A federated login lets it call, for the smoke test.
    cloud.policies[here]["bindings"].append({"role": "roles/run.invoker", "members": [trigger]})
    private = _grants(cloud.policies[here])
    wanted = {"user:a@example.org", "group:vets@example.org", MONITORING, trigger}
    assert private == {("roles/run.invoker", member) for member in wanted}

    service, count = cloud.services["predict"], len(cloud.requests)
    opened = hasty.run("up", "--public", **settings)
    assert opened.status == 0, opened.stderr
    assert service.annotations == {CHECK_OFF: "True"}
    somebody = {"role": "roles/run.invoker", "members": ["allUsers"]}
    cloud.policies[here]["bindings"].append(somebody)  # Opened in the other way too, by hand.
    closed = hasty.run("up", **settings | {"INVOKERS": "group:vets@example.org"})
    assert closed.status == 0, closed.stderr
    assert service.annotations == {CHECK_OFF: "False"}
    assert _grants(cloud.policies[here]) == private
    assert closed.stderr.count("closing it, since --public is not given") == 2
    assert re.findall(r"(\S+) may call predict too", closed.stderr) == ["user:a@example.org"]
    changes = [request for request in cloud.requests[count:] if request.mutating and "dryRun" not in request.query]
    assert [(r.method, r.path.rpartition("/")[2]) for r in changes] == [
        ("PUT", "predict"),
        ("PUT", "predict"),
        ("POST", "predict:setIamPolicy"),
    ]
    assert len(service.revisions) == 1

    count = len(cloud.requests)
    cloud.subscriptions[f"projects/{cloud.project}/subscriptions/penguins-score"]["topic"] = "_deleted-topic_"
    deaf = hasty.run("up", **settings | {"INVOKERS": ""})
    assert deaf.status == 1
    assert "the subscription penguins-score belongs to the topic _deleted-topic_, not to penguins" in deaf.last_line
    assert [request for request in cloud.requests[count:] if request.mutating] == []

    cloud.subscriptions.clear()
    down = hasty.run("--yes", "down", **settings)
    assert down.status == 0, down.stderr
    assert cloud.notifications == {"notes": {}}
    assert _grants(cloud.policies["buckets/notes"]) == _grants(cloud.policies["buckets/scored"]) == set()
    assert f"gs://{local_model['BUCKET']} with its models" in down.last_line


@pytest.mark.slow
def test_metrics_that_never_come_and_a_policy_against_everybody_leave_a_service_that_serves(
    cloud: FakeCloud, deployment: Deployment, local_model: dict[str, str]
) -> None:
    hasty = replace(deployment, env={**deployment.env, "SETTLE_S": "0", "METRIC_WAIT_S": "1"})
    unknown = NotYet(lambda r: r.path.endswith("/alertPolicies") and "user/predict-" in _body(r), 404, METRIC_UNKNOWN)
    check = NotYet(lambda r: r.method == "PUT" and "invoker-iam-disabled" in _body(r), 400, CHECK_ENFORCED)
    shared = NotYet(lambda r: "setIamPolicy" in r.path and "allUsers" in _body(r), 400, DOMAIN_RESTRICTED)
    for never in (unknown, check, shared):
        never.times = math.inf
    cloud.not_yet = [unknown, check, shared]
    outcome = hasty.run("up", "--public", **local_model)
    assert outcome.status == 1
    assert outcome.last_line == (
        "deploy.sh: predict could not be opened to everybody: a policy of the organization forbids both ways"
        " (see above) (and 1 more, see above); both functions are in service"
    )
    assert re.search(r"going on without this: waited \d+ s for the metrics that \d+ alerts read", outcome.stderr)
    assert re.search(r"curl http://127\.0\.0\.1:\d+/predict -H ", outcome.stdout)
    assert cloud.services["predict"].shares() == {"predict-00001-abc": 100}
    assert f"projects/{cloud.project}/subscriptions/penguins-score" in cloud.subscriptions
    names = {policy["displayName"] for policy in cloud.watching["alertPolicies"].values()}
    assert "predict: 5xx share over 1%" in names, "alerts that read other metrics are there"
    assert "predict: unhandled errors" not in names


@pytest.mark.slow
@pytest.mark.parametrize("text", ["build", "bucket"])
def test_a_grant_that_is_never_known_ends_in_one_clear_line(
    cloud: FakeCloud, deployment: Deployment, local_model: dict[str, str], text: str
) -> None:
    hasty = replace(deployment, env={**deployment.env, "SETTLE_S": "0", "PROPAGATION_S": "1"})
    if text == "build":
        cloud.deployment_failures = itertools.repeat(CANNOT_BUILD)
    else:
        refused = NotYet(lambda r: r.method == "PUT" and r.path.endswith("/iam"), 400, ACCOUNT_UNKNOWN, math.inf)
        cloud.not_yet = [refused]
    outcome = hasty.run("up", **local_model)
    assert outcome.status == 1
    assert re.search(r"waited \d+ s for .*, which Google still does not know; run this again later", outcome.last_line)
    assert outcome.stderr.count("deploy.sh: ") == 1


def _check_files(cloud: FakeCloud) -> None:
    scorer = _account("penguin-score")
    assert _grants(cloud.policies["buckets/notes"]) == {("roles/storage.objectViewer", scorer)}
    assert _grants(cloud.policies["buckets/scored"]) == {("roles/storage.objectUser", scorer)}
    agent = f"serviceAccount:service-{cloud.number}@gs-project-accounts.iam.gserviceaccount.com"
    topic = f"projects/{cloud.project}/topics/penguins"
    assert _grants(cloud.policies[topic]) == {("roles/pubsub.publisher", agent)}
    (notification,) = cloud.notifications["notes"].values()
    assert notification["topic"] == f"//pubsub.googleapis.com/{topic}"
    assert (notification["event_types"], notification["payload_format"]) == (["OBJECT_FINALIZE"], "JSON_API_V1")
    assert _deployed(cloud, "score")["serviceConfig"]["environmentVariables"]["RESULTS_BUCKET"] == "scored"
    assert "RESULTS_BUCKET" not in _deployed(cloud, "predict")["serviceConfig"]["environmentVariables"]


@pytest.mark.slow
def test_a_model_that_is_signed_with_the_key_is_deployed(
    cloud: FakeCloud, deployment: Deployment, local_model: dict[str, str], tmp_path: Path
) -> None:
    keys = make_key(tmp_path, "release")
    root = tmp_path / "signed"
    signed = run("publish", "--from", local_model["MODEL_FOLDER"], "--to", str(root), "--sign", str(keys.private))
    assert signed.exit_code == 0, signed.stderr
    settings = {**local_model, "MODEL_FOLDER": str(root), "SIGNING_PUBLIC_KEY": str(keys.public)}
    outcome = deployment.run("--dry-run", "up", **settings)
    assert outcome.status == 0, outcome.stderr
    assert cloud.mutations() == []


@pytest.mark.slow
def test_a_dry_run_prints_commands_that_gcloud_understands_and_changes_nothing(
    cloud: FakeCloud, deployment: Deployment, local_model: dict[str, str], tmp_path: Path
) -> None:
    outcome = deployment.run("--dry-run", "--public", "up", **local_model)
    assert outcome.status == 0, outcome.stderr
    assert cloud.mutations() == []
    _check_lines(outcome.stdout, tmp_path / "lint", at_least=25)
    (public,) = [line for line in outcome.stdout.splitlines() if "invoker-iam-check" in line]
    assert public.startswith("gcloud run services update predict --no-invoker-iam-check ")
    # The lines that will know the addresses set a name each, and the uptime check gets the right one.
    set_by = dict(re.findall(r"^(\w+)=\$\(gcloud run services describe (\w+)", outcome.stdout, re.MULTILINE))
    assert set_by == {"URL": "predict", "EVENTS_URL": "score"}
    assert '--push-endpoint "$EVENTS_URL"' in outcome.stdout
    (uptime,) = [line for line in outcome.stdout.splitlines() if "uptimeCheckConfigs" in line]
    sed = subprocess.run(
        ["bash", "-c", f"URL=https://predict-1.a.run.app; {uptime.partition(' | ')[0]}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(sed.stdout)["monitoredResource"]["labels"]["host"] == "predict-1.a.run.app"


def _check_lines(script: str, home: Path, at_least: int) -> None:
    lines = gcloud_lines(script)
    assert len(lines) >= at_least
    assert complaints(lines, home) == []
    shell = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert shell.returncode == 0, shell.stderr
