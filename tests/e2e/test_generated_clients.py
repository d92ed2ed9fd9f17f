"""Clients that others' programs generate from `/openapi.json`: type-checked, and calling the real process."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import StartFunction
from tests.support.npm import node_modules
from tests.support.processes import PROJECT, FunctionProcess
from tests.support.programs import require_program
from tests.support.traffic import bundle_with_reference

pytestmark = pytest.mark.slow

CALLS = PROJECT / "tests/clients"
ANSWERS = """\
plain Adelie
detailed Adelie true true Torgersen
row 7 Adelie true
row /body_mass_g
failing 422 out_of_range
"""
PYTHON = """
import sys

from penguins import Client
from penguins.api.predict import predict
from penguins.models import Batch, DetailedPrediction, InstanceError, Penguin, PenguinIsland, PenguinSex
from penguins.models import PlainPrediction, PredictionsAnswer, Problem
from penguins.types import Unset


def text(value: bool | Unset) -> str:
    return str(value).lower()


def bird(mass_g: float, own_id: int | Unset) -> Penguin:
    return Penguin(39.1, 18.7, 181.0, mass_g, PenguinSex.MALE, PenguinIsland.TORGERSEN, id=own_id)


client = Client(sys.argv[1])
good, bad = bird(3750, 7), bird(1, Unset())

plain = predict.sync(client=client, body=good)
assert isinstance(plain, PlainPrediction)
print("plain", plain.prediction)

detailed = predict.sync(client=client, body=good, explain=True)
assert isinstance(detailed, DetailedPrediction)
assert not isinstance(detailed.explanation, Unset)
island = detailed.explanation.neighbours[0].penguin.island.value
print("detailed", detailed.prediction, text(detailed.probability > 0.9), text(detailed.in_distribution), island)

batch = predict.sync(client=client, body=Batch([good, bad]))
assert isinstance(batch, PredictionsAnswer)
for row in batch.predictions:
    if isinstance(row, InstanceError):
        print("row", row.error.errors[0].pointer)
    else:
        print("row", row.id, row.prediction, text(row.probability > 0.9))

failing = predict.sync(client=client, body=bad)
assert isinstance(failing, Problem)
assert not isinstance(failing.errors, Unset)
print("failing", failing.status, failing.errors[0].code)
"""


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def function(start_function: StartFunction, tmp_path_factory: pytest.TempPathFactory) -> FunctionProcess:
    model = bundle_with_reference(tmp_path_factory.mktemp("with-reference")).env
    # Other protocols have clients of their own; openapi-python-client passes over their CSV and binary bodies.
    return start_function({**model, "PROTOCOLS": "none"})


@pytest.fixture
def document(function: FunctionProcess, tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_bytes(httpx.get(f"{function.url}/openapi.json", timeout=30).content)
    return path


def test_the_generated_python_client(function: FunctionProcess, document: Path, tmp_path: Path) -> None:
    configuration = tmp_path / "configuration.json"
    configuration.write_text(json.dumps({"post_hooks": []}))  # They would only format.
    options = ["--path", str(document), "--config", str(configuration), "--meta", "none", "--output-path", "penguins"]
    python = [sys.executable, "-m"]
    run([*python, "openapi_python_client", "generate", "--fail-on-warning", *options], tmp_path)
    (tmp_path / "calls.py").write_text(PYTHON)
    run([*python, "mypy", "--strict", "calls.py"], tmp_path)
    assert run([sys.executable, "calls.py", function.url], tmp_path) == ANSWERS


def test_the_generated_typescript_client(function: FunctionProcess, document: Path, tmp_path: Path) -> None:
    packages = node_modules(CALLS)
    (tmp_path / "node_modules").symlink_to(packages)
    (tmp_path / "package.json").write_text((CALLS / "package.json").read_text())
    (tmp_path / "calls.ts").write_text((CALLS / "calls.ts").read_text())
    programs = packages / ".bin"
    run([str(programs / "openapi-typescript"), str(document), "--output", "api.d.ts"], tmp_path)
    options = ["--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
    run([str(programs / "tsc"), *options, "calls.ts"], tmp_path)
    assert run([require_program("node"), "calls.js", function.url], tmp_path) == ANSWERS
