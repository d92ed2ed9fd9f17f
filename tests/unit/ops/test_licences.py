"""The licences of everything that is deployed are on the list in pyproject.toml; `make lint` compares them."""

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest

from tests.support.processes import PROJECT

LOCK = (PROJECT / "requirements.txt").read_text()
LOCKED = re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==\S+ ?(;[^\\\n]*)?", LOCK, re.MULTILINE)


def is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def check(*options: str) -> subprocess.CompletedProcess[str]:
    names = [name for name, _ in LOCKED]
    command = [sys.executable, "-m", "piplicenses", *options, "--packages", *names]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_every_licence_is_allowed() -> None:
    done = check()
    assert done.returncode == 0, done.stderr
    assert "onnxruntime" in done.stdout


def test_a_licence_that_is_not_on_the_list_is_found() -> None:
    done = check("--allow-only", "MIT")
    assert (done.returncode, "not in allow-only licenses" in done.stderr) == (1, True), done.stderr


def test_what_is_not_installed_here_is_not_deployed_either() -> None:
    """A package without a marker that is missing would be passed over."""
    assert len(LOCKED) > 50
    assert [name for name, marker in LOCKED if not marker and not is_installed(name)] == []


@pytest.mark.parametrize("name", ["LICENSE", "NOTICE"])
def test_swagger_ui_comes_with_its_licence(name: str) -> None:
    assert (PROJECT / "predictor/web/swagger_ui" / name).stat().st_size > 0
