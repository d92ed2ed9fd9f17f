"""The line that `publish` prints for serving here is pasted, and the model that was published answers."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import joblib
import pytest
from sklearn.linear_model import LogisticRegression

from tests.support.made_elsewhere import read_birds
from tests.support.processes import PROJECT, answers, free_port, wait_until

pytestmark = pytest.mark.slow

COLUMNS = ["bill_length_mm", "bill_depth_mm"]
NEEDED = ("Makefile", "main.py", "predictor", "requirements-training.txt")
START = "to serve it here: "


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project with its virtual environment: this one, so that make has nothing to install."""
    for name in NEEDED:
        (tmp_path / name).symlink_to(PROJECT / name)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name, module in (("python", ""), ("functions-framework", " -m functions_framework")):
        script = tmp_path / ".venv/bin" / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{module} "$@"\n')
        script.chmod(0o755)
    for stamp in (f"python-{sys.version_info.major}.{sys.version_info.minor}", "training"):
        (tmp_path / ".venv" / stamp).touch()
    return tmp_path


@pytest.fixture
def env() -> dict[str, str]:
    """Without settings of a model, and with the interpreter that `.venv` has."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MODEL_")}
    return {**inherited, "PYTHON": sys.executable, "PORT": str(free_port())}


@pytest.fixture
def url(clone: Path, env: dict[str, str]) -> Iterator[str]:
    """Of the function that the printed line starts."""
    birds, species = read_birds(PROJECT / "predictor/training/data/penguins.csv")
    joblib.dump(LogisticRegression(max_iter=1000).fit(birds[COLUMNS], species), clone / "two.joblib")
    command = [".venv/bin/python", "-m", "predictor", "publish", "two.joblib", "--to", "artifacts"]
    published = subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, check=True, timeout=120)
    (line,) = (line for line in published.stderr.splitlines() if line.startswith(START))
    log = clone / "make.log"
    with log.open("wb") as stream:
        started = subprocess.Popen(
            ["bash", "-c", line.removeprefix(START)],
            cwd=clone,
            env=env,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{env['PORT']}"
    try:
        wait_until(lambda: started.poll() is not None or answers(f"{url}/health"), "the port to open")
        assert started.poll() is None, log.read_text()
        yield url
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait(20)


def test_the_printed_line_serves_the_published_model(url: str) -> None:
    answer = httpx.post(f"{url}/predict", json={"bill_length_mm": 39.1, "bill_depth_mm": 18.7}, timeout=60)
    assert answer.json() == {"prediction": "Adelie"}
    assert [feature["name"] for feature in httpx.get(f"{url}/model", timeout=60).json()["features"]] == COLUMNS
