"""What the pages show is what happens: their commands run, their requests are answered as they say."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle
from tests.support.pages import blocks, one_line, shell_commands
from tests.support.processes import PROJECT, FunctionProcess
from tests.support.traffic import bundle_with_reference

README = (PROJECT / "README.md").read_text()
TUTORIAL = (PROJECT / "docs/tutorial.md").read_text()
SCORE_FILES = (PROJECT / "docs/how-to/score-files.md").read_text()
OWN_MODEL = (PROJECT / "docs/how-to/your-own-model.md").read_text()
CALL_IT = (PROJECT / "docs/how-to/call-it.md").read_text()
SCORE_EVENTS = (PROJECT / "docs/how-to/score-events.md").read_text()
PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ops/README.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
]
OUR_COMMANDS = {
    one_line(command)
    for page in PAGES
    for command in shell_commands(page.read_text())
    if "python -m predictor " in command
}
LOCAL_PART, GOOGLE_PART = TUTORIAL.split("\n## 5. ")

Shell = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Runs commands as they are pasted, in a folder that looks like the project with its virtual environment."""
    (tmp_path / "predictor").symlink_to(PROJECT / "predictor")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)

    def run(command: str) -> subprocess.CompletedProcess[str]:
        env = {key: value for key, value in os.environ.items() if not key.startswith("MODEL_")}
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120
        )
        assert "curl" not in command or done.returncode == 0, done.stderr
        return done

    return run


def at(function: FunctionProcess, command: str) -> str:
    """A page's curl command, for a function on a port of its own."""
    assert "http://localhost:8080" in command
    return command.replace("http://localhost:8080", function.url) + " -sS"


def curls(page: str) -> list[str]:
    return [command for command in shell_commands(page) if command.startswith("curl ")]


def test_the_readmes_requests_are_answered_as_it_says(
    shell: Shell, start_function: StartFunction, bundle: PublishedBundle
) -> None:
    function = start_function(bundle.env)
    first, details, batch, mistakes = (shell(at(function, command)).stdout for command in curls(README))
    assert [first] == [answer.strip() for answer in blocks(README, "json")]
    assert {"probability", "probabilities", "model"} < set(json.loads(details))
    scored, refused = json.loads(batch)["predictions"]
    assert scored["prediction"] == "Gentoo"
    assert "error" in refused
    assert len(json.loads(mistakes)["errors"]) == 6


@pytest.mark.slow
def test_the_tutorials_local_part_works_from_the_first_command_to_the_last(
    shell: Shell, start_function: StartFunction, bundle: PublishedBundle, tmp_path: Path
) -> None:
    (script,) = blocks(LOCAL_PART, "python")
    (tmp_path / "train_mine.py").write_text(script)
    function: FunctionProcess | None = None
    answers = []
    for command in shell_commands(LOCAL_PART):
        if command == "make run":
            function = start_function(bundle.env)
        elif command == "env $(cat my-model.env) make run":
            lines = (tmp_path / "my-model.env").read_text().splitlines()
            function = start_function(dict(line.split("=", 1) for line in lines))
        elif command.startswith("curl "):
            assert function is not None
            answers.append(json.loads(shell(at(function, command)).stdout))
        else:
            done = shell(command)
            assert done.returncode == ("predict predictor/training" in command), done.stderr  # There are bad rows.
            said = done.stderr
    first, mistakes, details = answers
    assert first == json.loads(blocks(LOCAL_PART, "json")[0])
    assert {error["pointer"] for error in mistakes["errors"]} == {"/body_mass_g", "/island"}
    assert details["model"]["digest"] in (tmp_path / "my-model.env").read_text()
    assert "11 of 344 rows" in LOCAL_PART
    assert "11 of 344 rows" in said
    assert (tmp_path / "scored.csv").read_text().splitlines()[0].endswith(",error")


@pytest.mark.slow
def test_every_kind_of_model_on_its_page_is_published_and_the_first_is_served(
    shell: Shell, start_function: StartFunction, tmp_path: Path
) -> None:
    (tmp_path / "fit.py").write_text("\n".join(blocks(OWN_MODEL, "python")))
    assert shell(".venv/bin/python fit.py").returncode == 0
    published = 0
    for command in shell_commands(OWN_MODEL):
        if command == "env $(cat my-model.env) make run":
            lines = (tmp_path / "my-model.env").read_text().splitlines()
            settings = dict(line.split("=", 1) for line in lines)
        elif "--to my-models" in command and "--with" not in command:
            done = shell(command)
            assert done.returncode == 0, done.stderr
            published += 1
    assert published == 6
    page = one_line(OWN_MODEL)
    for said in ("opening a pickle runs the code in it; publish only files that you trust", "333 of 333 labelled rows"):
        assert said in page
    function = start_function(settings)
    (first, *_) = curls(README)
    assert json.loads(shell(at(function, first)).stdout) == {"prediction": "Adelie"}


def test_the_rows_that_the_page_on_files_shows_are_those_that_come_out(
    shell: Shell, bundle: PublishedBundle, tmp_path: Path
) -> None:
    table, shown = blocks(SCORE_FILES, "csv")
    (tmp_path / "birds.csv").write_text(table)
    (command,) = (line for line in shell_commands(SCORE_FILES) if line.endswith("predict birds.csv"))
    done = shell(f"{command} --uri {shlex.quote(bundle.env['MODEL_URI'])}")
    assert done.returncode == 1  # One row is bad, as the page says.
    printed = [line.split(",") for line in done.stdout.splitlines()]
    columns = len(table.splitlines()[0].split(",")) + 1
    for cells, expected in zip(printed, (line.split(",") for line in shown.splitlines()), strict=True):
        assert cells[:columns] == expected[:columns]
        assert cells[-1] == expected[-1]


def test_the_page_on_events_is_answered_as_it_says(
    shell: Shell, start_function: StartFunction, bundle: PublishedBundle
) -> None:
    function = start_function(bundle.env, target="score")
    good, bad = (shell(at(function, command)).stdout for command in curls(SCORE_EVENTS))
    assert good.startswith("HTTP/1.1 204 No Content")
    assert bad.startswith("HTTP/1.1 204 ")
    assert len(function.log_lines("result_published")) == 1
    assert len(function.log_lines("reject_published")) == 1


def test_the_first_script_on_the_page_on_calling_runs(
    shell: Shell, start_function: StartFunction, tmp_path: Path
) -> None:
    function = start_function(bundle_with_reference(tmp_path / "with-reference").env)
    (tmp_path / "call.py").write_text(blocks(CALL_IT, "python")[0].replace("http://localhost:8080", function.url))
    done = shell(".venv/bin/python call.py")
    assert done.returncode == 0, done.stderr
    species, numbers = done.stdout.splitlines()
    assert species == "Adelie"
    assert numbers.endswith("['Adelie']")


@pytest.mark.parametrize("command", sorted(OUR_COMMANDS))
def test_its_commands_are_real(command: str) -> None:
    """Every subcommand and every option of it is one that the command line knows."""
    arguments = shlex.split(command, comments=True)
    arguments = arguments[arguments.index("predictor") + 1 :]
    help_of = [sys.executable, "-m", "predictor", arguments[0], "--help"]
    text = subprocess.run(help_of, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60).stdout
    assert text.startswith("Usage:")
    for option in (argument for argument in arguments if argument.startswith("--")):
        assert re.search(rf"{option}\b", text), option


def targets_of(text: str) -> set[str]:
    """The targets of make that a page's code names."""
    mentioned = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)]
    return {target for code in mentioned for target in re.findall(r"(?m)^(?:\S+=\S+ )*make ([a-z][a-z-]*)", code)}


def test_there_is_something_to_test() -> None:
    assert len(curls(README)) >= 4
    assert len(OUR_COMMANDS) >= 10
    assert targets_of(README) >= {"run", "test"}
    assert len(README.splitlines()) < 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_target_that_a_page_names_is_in_the_makefile(page: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text()
    assert [target for target in sorted(targets_of(page.read_text())) if f"\n{target}:" not in makefile] == []
