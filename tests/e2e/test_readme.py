"""What README.md shows is what happens: its commands run, its requests are answered as it says."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle
from tests.support.processes import PROJECT

README = (PROJECT / "README.md").read_text()
BASH = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BASH for line in block.replace("\\\n", " ").splitlines() if line.strip()]
CURLS = [command for command in COMMANDS if command.startswith("curl ") and "localhost:8080" in command]
OUR_COMMANDS = [command for command in COMMANDS if "python -m predictor" in command]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(shlex.split(command), cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_there_is_something_to_test() -> None:
    assert len(CURLS) >= 4
    assert len(OUR_COMMANDS) >= 5
    assert targets_of(README) >= {"run", "test", "lint"}


@pytest.fixture
def answers(start_function: StartFunction, bundle: PublishedBundle, tmp_path: Path) -> list[str]:
    function = start_function(bundle.env)
    return [run(c.replace("http://localhost:8080", function.url) + " -sS", tmp_path).stdout for c in CURLS]


def test_its_requests_are_answered_as_it_says(answers: list[str]) -> None:
    first, details, batch, mistakes = answers[:4]
    assert first in README
    assert first == '{"prediction":"Adelie"}'
    assert {"probability", "probabilities", "model"} < set(json.loads(details))
    scored, refused = json.loads(batch)["predictions"]
    assert scored["prediction"] == "Gentoo"
    assert "error" in refused
    assert len(json.loads(mistakes)["errors"]) == 6


@pytest.mark.parametrize("command", OUR_COMMANDS)
def test_its_commands_are_real(command: str) -> None:
    """Every subcommand and every option of it is one that the command line knows."""
    arguments = shlex.split(command)
    start = arguments.index("predictor") + 1
    text = run(f"{shlex.quote(sys.executable)} -m predictor {arguments[start]} --help", PROJECT).stdout
    assert text.startswith("Usage:")
    for option in (argument for argument in arguments[start:] if argument.startswith("--")):
        assert re.search(rf"{option}\b", text), option


PAGES = [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *sorted(PROJECT.glob("docs/*.md")), PROJECT / "ops/README.md"]


def targets_of(text: str) -> set[str]:
    """The targets of make that a page's code names."""
    mentioned = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)]
    return {target for code in mentioned for target in re.findall(r"(?m)^(?:\w+=\S+ )*make ([a-z][a-z-]*)", code)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_target_that_a_page_names_is_in_the_makefile(page: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text()
    assert [target for target in sorted(targets_of(page.read_text())) if f"\n{target}:" not in makefile] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_to_is_there(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
