"""Clients that nobody here wrote, each in an environment of its own, call the real process."""

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle, random_penguins
from tests.support.environments import make_environment
from tests.support.processes import PROJECT, FunctionProcess

pytestmark = pytest.mark.slow

CLIENTS = PROJECT / "tests/clients"
BIRDS = [penguin.model_dump() for penguin in random_penguins(60, seed=7)[0]]
COLUMNS = {name: [bird[name] for bird in BIRDS] for name in BIRDS[0]}


@pytest.fixture
def function(start_function: StartFunction, bundle: PublishedBundle) -> FunctionProcess:
    return start_function(bundle.env)


def report_of(client: str, function: FunctionProcess, folder: Path) -> Any:
    """What a client was answered; each of its answers has been compared with that of `POST /predict`."""
    python = make_environment(folder / client, "3.11", "--require-hashes", "-r", CLIENTS / client / "requirements.txt")
    done = subprocess.run(
        [python, "-W", "ignore", CLIENTS / client / "client.py", function.url],
        input=json.dumps(COLUMNS),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    rows = httpx.post(f"{function.url}/predict", json={"instances": BIRDS}, timeout=30).json()["predictions"]
    expected = [list(row["probabilities"].values()) for row in rows]
    for form, answer in report["answers"].items():
        assert answer["prediction"] == [row["prediction"] for row in rows], form
        assert np.abs(np.array(answer["probabilities"]) - expected).max() < 1e-5, form
    return report


def test_tritons(function: FunctionProcess, tmp_path: Path) -> None:
    report = report_of("triton", function, tmp_path)
    assert set(report["answers"]) == {"binary", "json"}
    assert {answer["id"] for answer in report["answers"].values()} == {"7"}
    assert report["live"] is report["ready"] is True
    assert report["extensions"] == ["binary_tensor_data"]
    assert report["unknown_model"]["status"] == "404"
    assert report["bad_row"] == {
        "status": "422",
        "message": "The input has 1 violation. /inputs/4/data/0: Must be one of male, female.",
    }


def test_kserves(function: FunctionProcess, tmp_path: Path) -> None:
    report = report_of("kserve", function, tmp_path)
    assert set(report["answers"]) == {"v1", "v2 json", "v2 binary"}
    assert report["live"] is report["ready"] is True
    for name, pointer in (("v1", "/instances"), ("v2", "/inputs")):
        assert f"The input has 1 violation. {pointer}: Must be an array., '422 " in report["refusals"][name]


def test_mlflows(function: FunctionProcess, tmp_path: Path) -> None:
    report = report_of("mlflow", function, tmp_path)
    assert set(report["answers"]) == {"data frame", "array", "rows"}
    assert report["plain"] == report["answers"]["rows"]["prediction"]
    assert "INVALID_PARAMETER_VALUE" in report["refusal"]
    assert "At most 1000 penguins are scored in one request." in report["refusal"]
