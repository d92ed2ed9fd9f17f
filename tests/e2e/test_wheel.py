"""`pip install .`: the wheel holds everything that the package reads, and works where the project is not."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest
from uv import find_uv_bin

from tests.conftest import StartFunction
from tests.support.processes import PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "project"
    shutil.copytree(PROJECT / "predictor", copy / "predictor", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy / name)
    done = subprocess.run(
        [find_uv_bin(), "build", "--wheel", "--python", sys.executable, "--out-dir", folder / "out", copy],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode != 0 and "error sending request" in done.stderr and os.environ.get("CI") != "true":
        pytest.skip("needs a package index for setuptools")
    assert done.returncode == 0, done.stderr
    (built,) = (folder / "out").glob("*.whl")
    return built


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "predictor"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.split()
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in listed if name not in names] == []
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    assert "penguin-predictor = predictor.cli:main" in zipfile.ZipFile(wheel).read(entry_points).decode()


def test_it_trains_and_serves_where_the_project_is_not(
    wheel: Path, tmp_path: Path, start_function: StartFunction
) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    shutil.copy(PROJECT / "main.py", tmp_path / "main.py")
    command = [sys.executable, "-m", "predictor", "train", "--to", "models"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    settings = dict(line.split("=", 1) for line in done.stdout.splitlines())
    env = {**settings, "PYTHONPATH": str(tmp_path / "site")}
    function = start_function(env, source=tmp_path / "main.py", folder=tmp_path)
    assert "swagger-ui" in httpx.get(f"{function.url}/docs", timeout=30).text
    assert httpx.get(f"{function.url}/docs/swagger-ui-bundle.js", timeout=30).status_code == 200
    assert httpx.get(f"{function.url}/model", timeout=30).status_code == 200
