"""The runbook: gcloud's lines parse in the real gcloud, filters are valid, quoted figures are computed."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from predictor.cli import main
from tests.support import log_filter
from tests.support.gcloud import complaints, gcloud_lines
from tests.support.pages import shell_commands
from tests.support.processes import PROJECT

RUNBOOK = (PROJECT / "docs/how-to/runbook.md").read_text()
GCLOUD = gcloud_lines("\n".join(shell_commands(RUNBOOK)))
DEPLOY_COMMANDS = {"up", "promote", "release", "rollback", "status", "logs", "down", "monitoring", "drift"}
EVENTS = {
    *("model_loaded", "model_load_failed", "cannot_start", "request_failed", "slow_request", "unhandled_error"),
    *("message_scored", "message_rejected", "message_failed", "traffic_summary"),
}


def test_every_gcloud_line_parses_in_the_real_gcloud(tmp_path: Path) -> None:
    assert len(GCLOUD) > 10
    assert complaints(GCLOUD, tmp_path) == []


def test_every_log_filter_is_valid_and_asks_for_events_that_exist() -> None:
    filters = [shlex.split(line)[3] for line in GCLOUD if line.startswith("gcloud logging read ")]
    assert len(filters) > 5
    for text in filters:
        log_filter.parse(text.replace("$EVENTS_FUNCTION", "e").replace("$FUNCTION", "f"))
        for part in re.findall(r"jsonPayload\.event=(\(.*?\)|\"\w+\")", text):
            assert set(re.findall(r'"(\w+)"', part)) <= EVENTS


def test_the_quoted_capacity_is_what_the_command_prints() -> None:
    (command, quoted) = re.findall(
        r"```bash\n\S+python -m predictor (capacity[^\n]*)\n```\n\n```\n(.*?)```", RUNBOOK, re.DOTALL
    )[0]
    done = CliRunner().invoke(main, shlex.split(command))
    assert done.exit_code == 0, done.output
    assert quoted == done.stdout, "paste the command's output into docs/how-to/runbook.md"


def test_deploy_sh_is_asked_for_what_it_has() -> None:
    asked = set(re.findall(r"\./deploy\.sh (\w+)", RUNBOOK))
    assert asked
    assert asked <= DEPLOY_COMMANDS


@pytest.mark.parametrize("line", sorted(set(re.findall(r"python -m predictor ([^\n`]+)", RUNBOOK))))
def test_our_own_commands_have_the_options_that_are_named(line: str) -> None:
    name, *arguments = shlex.split(line)
    command = main.get_command(click.Context(main), name)
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in arguments if word.startswith("--")} <= known


def test_links_lead_somewhere() -> None:
    for file in (PROJECT / "docs/how-to/runbook.md", PROJECT / "ops/README.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
            assert (file.parent / target).exists(), target
