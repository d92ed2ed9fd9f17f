"""Clients that nobody here wrote, each in an environment of its own, call the real process."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle, random_penguins
from tests.support.environments import make_environment
from tests.support.processes import PROJECT, FunctionProcess, answers, free_port, wait_until

pytestmark = pytest.mark.slow

CLIENTS = PROJECT / "tests/clients"
BIRDS = [penguin.model_dump() for penguin in random_penguins(60, seed=7)[0]]
COLUMNS = {name: [bird[name] for bird in BIRDS] for name in BIRDS[0]}


@pytest.fixture
def function(start_function: StartFunction, bundle: PublishedBundle) -> FunctionProcess:
    return start_function(bundle.env)


def report_of(client: str, function: FunctionProcess, folder: Path) -> Any:
    """What a client was answered; each of its answers has been compared with that of `POST /predict`.

    The example of the documentation has been run as well.
    """
    python = make_environment(folder / client, "3.11", "--require-hashes", "-r", CLIENTS / client / "requirements.txt")
    example = block_of(client, "python").replace("localhost:8080", f"localhost:{function.port}")
    example = example.replace('"localhost", 8080', f'"localhost", {function.port}')
    # In one process: importing some of the clients takes many seconds.
    program = f"{example}\nimport runpy\nrunpy.run_path({str(CLIENTS / client / 'client.py')!r})"
    done = subprocess.run(
        [python, "-W", "ignore", "-c", program, function.url],
        input=json.dumps(COLUMNS),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    *example_output, last_line = done.stdout.splitlines()
    assert "Adelie" in "".join(example_output)
    report = json.loads(last_line)
    rows = httpx.post(f"{function.url}/predict", json={"instances": BIRDS}, timeout=30).json()["predictions"]
    expected = [list(row["probabilities"].values()) for row in rows]
    for form, answer in report["answers"].items():
        assert answer["prediction"] == [row["prediction"] for row in rows], form
        assert np.abs(np.array(answer["probabilities"]) - expected).max() < 1e-5, form
    return report


def block_of(heading: str, language: str) -> str:
    """The code below a heading of the how-to page."""
    page = (PROJECT / "docs/how-to/other-clients.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {heading}\n.*?^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE | re.IGNORECASE)
    assert found is not None, heading
    return found[1]


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


def test_a_container_starts_as_vertex_ai_tells_it_to(bundle: PublishedBundle) -> None:
    command = block_of("Vertex AI", "dockerfile").splitlines()[-1].removeprefix("CMD ")
    port = free_port()
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("MODEL_", "PORT"))},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AIP_HTTP_PORT": str(port),
        "AIP_STORAGE_URI": str(bundle.folder),
        "MODEL_DIGEST": bundle.digest,
        "AIP_PREDICT_ROUTE": "/v1/endpoints/7:predict",
        "AIP_HEALTH_ROUTE": "/v1/endpoints/7",
    }
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(["sh", "-c", command], cwd=PROJECT, env=env, start_new_session=True) as process:
        try:
            wait_until(lambda: answers(url), "the port to open")
            assert httpx.get(f"{url}/v1/endpoints/7", timeout=30).json()["ready"] is True
            body = {"instances": BIRDS, "parameters": {"details": False}}
            predictions = httpx.post(f"{url}/v1/endpoints/7:predict", json=body, timeout=30).json()["predictions"]
            assert len(predictions) == len(BIRDS)
            assert set(predictions) == {"Adelie", "Chinstrap", "Gentoo"}
        finally:
            os.killpg(process.pid, signal.SIGTERM)
