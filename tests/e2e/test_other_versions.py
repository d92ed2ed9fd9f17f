"""Models that other library versions made, published by one command, served by what is installed here."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from predictor.bootstrap import build
from predictor.settings import Settings
from predictor.training.dataset import DATA_FILE
from tests.support.asgi import Client
from tests.support.cli import run
from tests.support.environments import make_environment
from tests.support.made_elsewhere import CLASSES, read_birds
from tests.support.processes import PROJECT

pytestmark = pytest.mark.slow

BIRDS: list[dict[Any, Any]] = read_birds(DATA_FILE)[0].to_dict("records")
UV_CACHE = os.environ.get("UV_CACHE_DIR") or str(Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "uv")

OF_SKLEARN = ("regression, raw", "forest, dummies", "histogram boosting, raw", "gradient boosting, raw")
OF_XGBOOST = ("xgboost, dummies", "xgboost, raw", "xgboost, json", "xgboost, ubj")
OF_LIGHTGBM = ("lightgbm, dummies", "lightgbm, text")

MAKERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "2023": (
        ("scikit-learn==1.3.2", "xgboost==1.7.6", "lightgbm==3.3.5", "pandas==2.1.4", "numpy==1.26.4"),
        (*OF_SKLEARN, *OF_XGBOOST, *OF_LIGHTGBM),
    ),
    "2024": (("scikit-learn==1.5.2", "xgboost-cpu==2.1.1", "pandas==2.2.3"), (*OF_SKLEARN, *OF_XGBOOST)),
    "2025": (("scikit-learn==1.7.1", "pandas==2.3.1", "skops==0.13.0"), (*OF_SKLEARN, "regression, raw, skops")),
}
"""What was installed where the models were made, and which models."""


@pytest.fixture(scope="module", params=MAKERS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models that an environment of its own has made, without this project."""
    packages, names = MAKERS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    python = make_environment(folder / "environment", "3.11", "joblib", *packages)
    script = folder / "made_elsewhere.py"
    script.write_bytes((PROJECT / "tests/support/made_elsewhere.py").read_bytes())
    command: list[str | Path] = [python, "-W", "ignore", script, DATA_FILE, folder, *names]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True, timeout=300)
    return folder


def publish(arguments: list[str], root: Path, cache: Path) -> tuple[dict[str, str], str]:
    """The settings that were printed, and what was said."""
    done = run("publish", *arguments, "--to", str(root), env={"XDG_CACHE_HOME": str(cache), "UV_CACHE_DIR": UV_CACHE})
    assert done.exit_code == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines()), done.stderr


def test_one_command_publishes_it_and_the_installed_versions_serve_it(made: Path, tmp_path: Path) -> None:
    for file in sorted(made.glob("*/made.json")):
        document = json.loads(file.read_bytes())
        started = time.monotonic()
        env, said = publish(document["arguments"], tmp_path / "models", made / "cache")
        assert "written with " in said
        verified = run("verify", env["MODEL_URI"], "--digest", env["MODEL_DIGEST"])
        assert verified.exit_code == 0, verified.stdout
        client = Client(build(Settings(model_uri=env["MODEL_URI"], model_digest=env["MODEL_DIGEST"])))
        answer = client.post("/predict", json={"instances": BIRDS})
        assert answer.status_code == 200, answer.text
        rows = answer.json()["predictions"]
        actual = np.array([[row["probabilities"][name] for name in CLASSES] for row in rows])
        assert np.abs(actual - np.array(document["probabilities"])).max() < 1e-5, file
        assert [row["prediction"] for row in rows] == document["predictions"], file
        print(f"{file.parent.name}: {time.monotonic() - started:.1f} s")
    kept = sorted(path.name for path in (made / "cache/penguin-predictor/environments").iterdir())
    publish(document["arguments"], tmp_path / "again", made / "cache")
    assert sorted(path.name for path in (made / "cache/penguin-predictor/environments").iterdir()) == kept
