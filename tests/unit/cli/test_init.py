"""What all commands share: the list of them, and how an error becomes a line and an exit status."""

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from predictor import __version__
from predictor.cli import main
from predictor.errors import ConfigurationError, InvalidInput, PredictorError, StoreUnavailable, Violation
from predictor.schema import CATEGORIES
from tests.support.cli import run
from tests.support.processes import PROJECT


@pytest.fixture
def failing() -> Iterator[list[Exception]]:
    """A command that raises what the test puts into the list."""
    raised: list[Exception] = []

    @main.command("fail")
    def fail() -> None:
        raise raised[0]

    yield raised
    del main.commands["fail"]


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (PredictorError("two\nlines"), 1, "error: two lines"),
        (StoreUnavailable("gs://b/f", "no answer"), 1, "error: gs://b/f could not be read: no answer."),
        (InvalidInput([Violation("/sex", "missing", "Is required.")]), 1, "error: sex: Is required."),
        (ConfigurationError("KEY", "x", "expected y"), 2, "Error: KEY is 'x': expected y"),
    ],
)
def test_an_error_is_one_line_and_a_status(failing: list[Exception], error: Exception, status: int, line: str) -> None:
    failing.append(error)
    result = run("fail")
    assert (result.exit_code, result.stdout) == (status, "")
    assert result.stderr.splitlines()[-1] == line


def test_an_error_of_ours_only_is_translated(failing: list[Exception]) -> None:
    failing.append(ZeroDivisionError("a defect"))
    with pytest.raises(ZeroDivisionError):
        CliRunner().invoke(main, ["fail"], catch_exceptions=False)


def test_the_commands_are_listed_each_with_its_help() -> None:
    names = {"train", "publish", "verify", "predict", "smoke", "agreement", "canary", "drift", "capacity"}
    assert set(main.commands) == names
    for command in main.commands.values():
        assert command.get_short_help_str()
        options = [item for item in command.params if isinstance(item, click.Option)]
        assert [item.name for item in options if not item.help and item.name not in CATEGORIES] == []


def test_the_version_is_the_packages() -> None:
    assert __version__ in run("--version").stdout


def test_a_shell_can_complete_commands_and_options() -> None:
    def completed(words: str) -> list[str]:
        place = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        environment = {**os.environ, "_PENGUIN_PREDICTOR_COMPLETE": "bash_complete", **place}
        program = "from predictor.cli import main; main(prog_name='penguin-predictor')"
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert completed("penguin-predictor pub") == ["publish"]
    assert "--golden" in completed("penguin-predictor smoke --")
