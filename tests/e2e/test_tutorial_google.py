"""The commands for Google Cloud in README and tutorial, one after the other, against the fake of its control plane."""

import os
import shlex
import subprocess

import pytest

from tests.e2e.conftest import ServedModel
from tests.support.gcloud import Deployment
from tests.support.gcp import FakeCloud
from tests.support.gcs import GcsServer
from tests.support.pages import one_line, shell_commands
from tests.support.processes import PROJECT

pytestmark = pytest.mark.slow

README = (PROJECT / "README.md").read_text()
TUTORIAL = (PROJECT / "docs/tutorial.md").read_text()
ELSEWHERE = ("cp deploy.env.example", "gcloud auth ", "gcloud services enable ")
"""The settings are the test's own; a login needs a browser, and the fake's APIs are enabled."""


def test_the_tutorial_goes_from_nothing_to_an_answer_and_back(
    cloud: FakeCloud, deployment: Deployment, blue_model: ServedModel, gcs_server: GcsServer
) -> None:
    bucket = f"models-{cloud.port}"
    gcs_server.create_bucket(bucket)  # Where the objects are; the control plane knows nothing of it yet.
    cloud.next_backend = {"predict": blue_model.url, "score": blue_model.url}
    settings = {"BUCKET": bucket, "MODEL_FOLDER": str(blue_model.bundle.folder.parent)}
    answers = []
    commands = shell_commands(TUTORIAL.split("\n## 5. ")[1])
    for command in commands:
        if command.startswith(ELSEWHERE):
            continue
        program, *arguments = shlex.split(command.replace("my-project", cloud.project), comments=True)
        if program == "./deploy.sh":
            assent = ["--yes"] if "down" in arguments else []  # It asks, and nobody is there to answer.
            outcome = deployment.run(*assent, *arguments, **settings)
            assert outcome.status == 0, outcome.stderr
        else:
            env = {**os.environ, **deployment.env}
            done = subprocess.run([program, *arguments], env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            answers.append(done.stdout)
    assert [answer.strip(" '\n") for answer in answers] == ['{"prediction":"Adelie"}']  # gcloud prints it as YAML.
    assert cloud.services == {}

    of_readme = {one_line(command).partition("#")[0].strip() for command in shell_commands(README)}
    google = {command for command in of_readme if command.startswith(("./deploy.sh", "gcloud", "cp "))}
    assert google <= {one_line(command) for command in commands}
