"""Every kind of model that people have, from its files to the answers of the function: equal to the model's own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from predictor.bootstrap import build
from predictor.settings import Settings
from predictor.training.dataset import DATA_FILE
from tests.conftest import StartFunction
from tests.support.asgi import Client
from tests.support.cli import run
from tests.support.events import FakePublisher, push_document
from tests.support.made_elsewhere import CASES, CLASSES, Made, make, read_birds
from tests.support.processes import PROJECT

pytestmark = pytest.mark.slow

LIMIT = 1e-5
BIRDS: list[dict[Any, Any]] = read_birds(DATA_FILE)[0].to_dict("records")
IN_A_PROCESS = ("regression, raw", "forest, raw", "histogram boosting, raw", "xgboost, json", "lightgbm, text")
"""These are also served by a real process of the function."""


def publish(made: Made, root: Path) -> dict[str, str]:
    """The settings that were printed."""
    done = run("publish", *made.arguments, "--to", str(root))
    assert done.exit_code == 0, done.stderr
    assert "of 333 labelled rows right" in done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def check(made: Made, answered: list[dict[str, Any]], first: int = 0) -> None:
    """Detailed answers for the birds from `first` on are the model's own."""
    expected = made.probabilities[first : first + len(answered)]
    actual = np.array([[row["probabilities"][name] for name in CLASSES] for row in answered])
    assert np.abs(actual - expected).max() < LIMIT
    assert [row["prediction"] for row in answered] == made.predictions[first : first + len(answered)]


def check_needed(made: Made, client: Client | httpx.Client) -> list[dict[Any, Any]]:
    """The birds with nothing but what the model takes: the same answers, and none without one of these features."""
    needed = [feature["name"] for feature in client.get("/model").json()["features"]]
    birds = [{name: bird[name] for name in needed} for bird in BIRDS]
    check(made, [client.post("/predict?details=true", json=birds[150]).json()], 150)
    answer = client.post("/predict", json={"instances": [*birds[:100], dict(list(birds[100].items())[1:])]})
    *answered, lacking = answer.json()["predictions"]
    check(made, answered)
    assert [error["code"] for error in lacking["error"]["errors"]] == ["missing"]
    return birds


def check_http(made: Made, client: Client | httpx.Client) -> None:
    for first in (0, 150, 332):
        answer = client.post("/predict?details=true", json=BIRDS[first])
        assert answer.status_code == 200, answer.text
        check(made, [answer.json()], first)
        assert client.post("/predict", json=BIRDS[first]).json() == {"prediction": made.predictions[first]}
    for first, count in ((0, 2), (0, 100), (100, 100), (200, 100), (300, 33)):
        answer = client.post("/predict", json={"instances": BIRDS[first : first + count]})
        assert answer.status_code == 200, answer.text
        check(made, answer.json()["predictions"], first)


def check_event(made: Made, birds: list[dict[Any, Any]], score: Client, publisher: FakePublisher) -> None:
    for place in (0, 160, 330):
        pushed = score.post("/", json=push_document(json.dumps(birds[place]).encode(), message_id=str(place)))
        assert pushed.status_code == 204, pushed.text
    for place, document in zip((0, 160, 330), publisher.documents, strict=True):
        check(made, document["predictions"], place)


def check_file(made: Made, env: dict[str, str]) -> None:
    """`predict FILE` of the data set, in which birds without a sex are answered by models that do not take it."""
    done = run("predict", str(DATA_FILE), env=env)
    lines = done.stdout.splitlines()
    header = lines[0].split(",")
    rows = [dict(zip(header, line.split(","), strict=False)) for line in lines[1:]]
    assert [row["prediction"] for row in rows if "NA" not in row.values()] == made.predictions


@pytest.mark.parametrize("name", CASES)
def test_what_is_served_is_what_the_model_answers(name: str, tmp_path: Path, start_function: StartFunction) -> None:
    made = make(CASES[name], DATA_FILE, tmp_path / "files")
    env = publish(made, tmp_path / "models")
    verified = run("verify", env["MODEL_URI"], "--digest", env["MODEL_DIGEST"])
    assert verified.exit_code == 0, verified.stdout
    publisher = FakePublisher()
    app = build(Settings(model_uri=env["MODEL_URI"], model_digest=env["MODEL_DIGEST"]), publisher=publisher)
    check_http(made, Client(app))
    needed = check_needed(made, Client(app))
    check_event(made, needed, Client(app.events()), publisher)
    check_file(made, env)
    if name in IN_A_PROCESS:
        with httpx.Client(base_url=start_function(env).url, timeout=60) as client:
            check_http(made, client)


def test_a_model_without_column_names_is_published_and_served_without_a_warning(
    tmp_path: Path, start_function: StartFunction
) -> None:
    made = make(CASES["regression, array"], DATA_FILE, tmp_path / "files")
    command = [
        sys.executable,
        "-m",
        "predictor",
        "publish",
        *made.arguments,
        "--without-onnx",
        "--to",
        str(tmp_path / "models"),
    ]
    published = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=120)
    assert "Warning" not in published.stderr
    env = dict(line.split("=", 1) for line in published.stdout.splitlines())
    function = start_function(env)
    with httpx.Client(base_url=function.url, timeout=60) as client:
        check_http(made, client)
        assert client.get("/model").json()["engine"] == "sklearn"
    assert "Warning" not in function.output()
