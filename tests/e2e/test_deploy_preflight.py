"""What stops deploy.sh before anything is changed: each time one clear line, and not one mutating request."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ServedModel
from tests.support.gcloud import Deployment, Outcome, complaints
from tests.support.gcp import FakeCloud
from tests.support.processes import PROJECT
from tests.support.signing import make_key


def _assert_refused(cloud: FakeCloud, outcome: Outcome, *words: str) -> None:
    assert outcome.status == 1, outcome.stderr
    assert outcome.last_line.startswith("deploy.sh: ")
    for word in words:
        assert word in outcome.last_line
    assert cloud.mutations() == []


def test_a_bucket_of_another_project_is_refused(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel
) -> None:
    cloud.buckets[blue_model.bucket] = {"name": blue_model.bucket, "projectNumber": "666"}
    _assert_refused(
        cloud, deployment.run("up", **blue_model.settings), f"gs://{blue_model.bucket}", "666", cloud.number
    )


def test_a_missing_api_is_named_with_the_command_that_enables_it(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel
) -> None:
    cloud.apis -= {"pubsub.googleapis.com", "run.googleapis.com"}
    outcome = deployment.run("up", **blue_model.settings)
    _assert_refused(
        cloud, outcome, "gcloud services enable pubsub.googleapis.com run.googleapis.com --project fake-project"
    )


def test_without_a_login_nothing_is_asked(cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel) -> None:
    for command in ("up", "logs", "status"):
        _assert_refused(cloud, _logged_out(cloud, deployment).run(command, **blue_model.settings), "gcloud auth login")
    assert cloud.requests == []


def _logged_out(cloud: FakeCloud, deployment: Deployment) -> Deployment:
    env = {key: value for key, value in deployment.env.items() if not key.startswith(("CLOUDSDK_AUTH_", "GOOGLE_"))}
    return Deployment(cloud, deployment.folder, env, deployment.settings)


@pytest.mark.slow
def test_a_dry_run_needs_no_login_and_prints_what_an_empty_project_would_get(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel, tmp_path: Path
) -> None:
    folder = str(blue_model.bundle.folder.parent)
    outcome = _logged_out(cloud, deployment).run("--dry-run", "up", MODEL_FOLDER=folder)
    assert outcome.status == 0, outcome.stderr
    assert cloud.requests == []
    lines = outcome.stdout.splitlines()
    assert lines[:2] == ["gcloud auth login", "gcloud auth application-default login"]
    assert lines[2].startswith("gcloud services enable ")
    for part in ("functions deploy predict", "functions deploy score", "pubsub topics create", "alertPolicies"):
        assert any(part in line for line in lines)
    assert len([line for line in lines if " predictor publish " in line]) == 1
    assert complaints([line for line in lines if line.startswith("gcloud ")], tmp_path / "lint") == []


@pytest.mark.slow
def test_client_libraries_need_a_login_too(cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel) -> None:
    without = {**deployment.env, "GOOGLE_APPLICATION_CREDENTIALS": str(deployment.folder / "missing.json")}
    outcome = Deployment(cloud, deployment.folder, without, deployment.settings).run("up", **blue_model.settings)
    _assert_refused(cloud, outcome, "gcloud auth application-default login")


def test_a_model_without_a_digest_is_refused(cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel) -> None:
    outcome = deployment.run("up", **{**blue_model.settings, "MODEL_DIGEST": ""})
    _assert_refused(cloud, outcome, "MODEL_DIGEST is not")


@pytest.mark.slow
def test_a_published_model_that_is_not_there_is_refused(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel
) -> None:
    cloud.buckets[blue_model.bucket] = {"name": blue_model.bucket, "projectNumber": cloud.number}
    missing = f"gs://{blue_model.bucket}/penguins/20260101-000000-00000000"
    outcome = deployment.run("up", **{**blue_model.settings, "MODEL_URI": missing})
    _assert_refused(cloud, outcome, missing, "is bad")


@pytest.mark.slow
def test_it_runs_from_any_folder_and_one_with_blanks(
    cloud: FakeCloud, deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything but models is found beside the script; without the project's Python a line says how to get it."""
    copy = tmp_path / "a folder of mine"
    copy.mkdir()
    shutil.copy(PROJECT / "deploy.sh", copy)
    shutil.copytree(PROJECT / "ops", copy / "ops")
    (copy / "deploy.env").write_text(f"PROJECT_ID={cloud.project}\n")
    monkeypatch.chdir(tmp_path)
    env = {**os.environ, **deployment.env}

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        command = [str(copy / "deploy.sh"), "status"]
        return subprocess.run(command, env=env | more, capture_output=True, text=True, timeout=60, check=False)

    found = run(PYTHON=sys.executable)
    assert (found.returncode, found.stdout) == (0, "predict  is not deployed\nscore  is not deployed\n")
    env.pop("PYTHON", None)
    without = run()
    assert without.returncode == 1
    assert without.stderr == f"deploy.sh: there is no {copy}/.venv/bin/python: run 'make model' first, or set PYTHON\n"


def test_a_model_that_is_not_signed_with_the_key_is_refused(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel
) -> None:
    keys = make_key(deployment.folder, "release")
    cloud.buckets[blue_model.bucket] = {"name": blue_model.bucket, "projectNumber": cloud.number}
    outcome = deployment.run("up", **blue_model.settings, SIGNING_PUBLIC_KEY=str(keys.public))
    _assert_refused(cloud, outcome, blue_model.uri, "is not signed as expected: there is no manifest.json.sig")


@pytest.mark.slow
def test_a_public_key_that_is_not_there_is_named(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel
) -> None:
    cloud.buckets[blue_model.bucket] = {"name": blue_model.bucket, "projectNumber": cloud.number}
    outcome = deployment.run("up", **blue_model.settings, SIGNING_PUBLIC_KEY="gone.pub")
    _assert_refused(cloud, outcome, "there is no", "gone.pub", "SIGNING_PUBLIC_KEY")


def test_a_lock_file_without_hashes_is_refused(deployment: Deployment, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(PROJECT / "deploy.sh", copy)
    shutil.copytree(PROJECT / "ops", copy / "ops")
    (copy / "requirements.txt").write_text("pydantic==2.11.0\n")
    (copy / "deploy.env").write_text("PROJECT_ID=fake-project\n")
    done = subprocess.run(
        [str(copy / "deploy.sh"), "up"],
        env={**os.environ, **deployment.env, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "requirements.txt has no hashes, so it is not a lock file: run make lock" in done.stderr


@pytest.mark.slow
def test_a_damaged_model_is_refused(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel, tmp_path: Path
) -> None:
    copy = tmp_path / "models" / blue_model.bundle.folder.name
    copy.mkdir(parents=True)
    for file in blue_model.bundle.folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "model.onnx").write_bytes(b"x" + (copy / "model.onnx").read_bytes()[1:])
    outcome = deployment.run("up", MODEL_FOLDER=str(copy.parent))
    _assert_refused(cloud, outcome, "is bad", "model.onnx")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"MEMORY": "512"}, ("MEMORY='512'", "512Mi")),
        ({"CPU": "0.5"}, ("CONCURRENCY=80 with CPU=0.5", "only concurrency 1")),
        ({"MEMORY": "8Gi"}, ("MEMORY=8Gi with CPU=1", "128Mi to 4096Mi")),
        ({"COLOUR": "green"}, ("there is no setting COLOUR",)),
        ({"MAX_DELIVERY_ATTEMPTS": "3"}, ("MAX_DELIVERY_ATTEMPTS=3", "5 to 100")),
        ({"ACK_DEADLINE_S": "120"}, ("EVENTS_TIMEOUT_S=60", "ACK_DEADLINE_S=120")),
        ({"PROJECT_ID": "$(touch pwned)"}, ("PROJECT_ID='$(touch pwned)'",)),
        ({"SIGNING_IDENTITY": "a@example.org"}, ("SIGNING_ISSUER is not", "both")),
        ({"SIGNING_ISSUER": "https://example.org"}, ("SIGNING_IDENTITY is not", "both")),
        ({"SIGNING_PUBLIC_KEY": "k.pub", "SIGNING_IDENTITY": "a@example.org"}, ("with a key or without one",)),
        ({"MODEL_FOLDER": "nowhere"}, ("there is no model in", "nowhere")),
        ({"MODEL_FOLDER": ""}, ("there is no model in",)),
        ({"INVOKERS": "allUsers"}, ("INVOKERS='allUsers'", "not 'allUsers'")),
        ({"INVOKERS": "user:a@example.org, allAuthenticatedUsers"}, ("not 'allAuthenticatedUsers'",)),
        ({"EVENTS_FUNCTION": "predict"}, ("FUNCTION and EVENTS_FUNCTION are both 'predict'",)),
        ({"RESULTS_TOPIC": "penguins"}, ("INPUT_TOPIC and RESULTS_TOPIC are both 'penguins'",)),
        ({"BUILD_ACCOUNT": "penguin-score"}, ("EVENTS_ACCOUNT and BUILD_ACCOUNT are both 'penguin-score'",)),
        ({"MIN_INSTANCES": "11"}, ("MIN_INSTANCES=11", "0 to 10")),
        ({"MIN_RETRY_DELAY_S": "60", "MAX_RETRY_DELAY_S": "30"}, ("MAX_RETRY_DELAY_S=30", "60 to 600")),
        ({"INPUT_BUCKET": "notes"}, ("RESULTS_BUCKET=''", "both")),
        ({"INPUT_BUCKET": "notes", "RESULTS_BUCKET": "fake-project-penguin-models"}, ("BUCKET and RESULTS_BUCKET",)),
        ({"INPUT_BUCKET": "notes", "RESULTS_BUCKET": "scored"}, ("ACK_DEADLINE_S=60", "600")),
        ({"LOG_LEVEL": "loud"}, ("LOG_LEVEL='loud'", "WARNING")),
        ({"CORS_ORIGINS": "https://a|MODEL_URI=x"}, ("CORS_ORIGINS=",)),
        ({"PROTOCOLS": "v1,v3"}, ("PROTOCOLS='v1,v3'", "bigquery")),
        ({"MAX_BYTES_IN_FLIGHT": "64Mi"}, ("MAX_BYTES_IN_FLIGHT='64Mi'", "nothing, or a whole number")),
        ({"MEMORY": ""}, ("MEMORY=''", "512Mi")),
        ({"MEMORY ": "1Gi"}, ("line 5 is not KEY=VALUE",)),
        ({"INVOKERS": '"user:a@example.org"\r', "MEMORY": "'256'\r"}, ("MEMORY='256'",)),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    cloud: FakeCloud, deployment: Deployment, line: dict[str, str], words: tuple[str, ...]
) -> None:
    _assert_refused(cloud, deployment.run("up", **line), *words)
    assert cloud.requests == []


@pytest.mark.parametrize(
    "arguments",
    [
        *((), ("upp",), ("up", "now"), ("up", "--fast"), ("up", "--agreement", "many"), ("up", "--agreement", "010")),
        *(("release", "--public"), ("up", "--with-data")),
    ],
)
def test_a_wrong_command_line_is_status_2(cloud: FakeCloud, deployment: Deployment, arguments: tuple[str, ...]) -> None:
    outcome = deployment.run(*arguments)
    assert outcome.status == 2
    assert outcome.last_line.endswith("(./deploy.sh --help)")
    assert cloud.requests == []


def test_the_example_settings_are_the_defaults(cloud: FakeCloud, deployment: Deployment) -> None:
    """What deploy.env.example shows is accepted, and its comments are not taken for values."""
    example = dict(
        line.split("=", 1)
        for line in (PROJECT / "deploy.env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    outcome = deployment.run("up", **{**example, "PROJECT_ID": cloud.project, "MODEL_FOLDER": "nowhere"})
    _assert_refused(cloud, outcome, "there is no model in")
    config = (PROJECT / "ops" / "deploy" / "config.sh").read_text()
    for key, value in example.items():
        if key != "PROJECT_ID":
            assert f"{key}={value.split('#')[0].strip()}" in config
