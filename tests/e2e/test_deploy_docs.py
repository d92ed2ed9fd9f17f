"""Every gcloud and deploy.sh command that the documentation gives its readers is one that these understand."""

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.gcloud import complaints, gcloud_lines
from tests.support.pages import shell_commands
from tests.support.processes import PROJECT

PAGES = (PROJECT / "README.md", PROJECT / "deploy.env.example", *sorted((PROJECT / "docs").rglob("*.md")))
DEPLOYMENTS = sorted(
    {
        tuple(shlex.split(command, comments=True)[1:])
        for page in PAGES
        for command in shell_commands(page.read_text())
        if command.startswith("./deploy.sh ")
    }
)


def test_every_command_in_the_documentation_parses(tmp_path: Path) -> None:
    lines = [line for page in PAGES for line in gcloud_lines(page.read_text())]
    assert len(lines) >= 10
    assert complaints(lines, tmp_path) == []


@pytest.mark.parametrize("arguments", DEPLOYMENTS, ids=" ".join)
def test_every_deploy_sh_of_the_documentation_is_one_that_it_understands(arguments: tuple[str, ...]) -> None:
    command = [str(PROJECT / "deploy.sh"), *arguments, "--config", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "cannot read nowhere" in done.stderr) == (1, True), done.stderr  # A wrong one gives 2.


def test_the_check_itself_sees_unknown_flags_and_commands(tmp_path: Path) -> None:
    bad = ["gcloud functions deploy f --no-traffic", "gcloud pubsub topics invent t"]
    assert len(complaints(bad, tmp_path)) == len(bad)
