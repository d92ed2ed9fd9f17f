"""Both engines behind HTTP: the same answers for every bird there is, and for ten thousand that there are not."""

import csv
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from predictor.schema import FEATURES, MEASUREMENTS, RANGES
from predictor.training.dataset import DATA_FILE, load_penguins
from predictor.training.parity import random_penguins
from tests.conftest import Trained
from tests.support.processes import FunctionProcess

BATCH = 1000


@pytest.fixture(scope="module")
def functions(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[FunctionProcess]]:
    """This project's own model on both."""
    folder = tmp_path_factory.mktemp("functions")
    started = [
        FunctionProcess({**trained.env, "MODEL_ENGINE": engine}, log_file=folder / f"{engine}.log")
        for engine in ("onnx", "sklearn")
    ]
    yield [function.wait_until_up() for function in started]
    for function in started:
        function.stop()


def ask(function: FunctionProcess, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    with httpx.Client(base_url=function.url, timeout=60) as client:
        for start in range(0, len(rows), BATCH):
            response = client.post("/predict", json={"instances": rows[start : start + BATCH]})
            assert response.status_code == 200
            answers += response.json()["predictions"]
    return answers


def assert_same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    assert [row["prediction"] for row in one] == [row["prediction"] for row in other]
    for left, right in zip(one, other, strict=True):
        assert left["probabilities"] == pytest.approx(right["probabilities"], abs=1e-5)


def test_all_344_rows_of_the_data_set(functions: list[FunctionProcess]) -> None:
    with DATA_FILE.open() as stream:
        table = list(csv.DictReader(stream))
    rows = [
        {name: float(row[name]) if name in MEASUREMENTS else row[name] for name in FEATURES if row[name] != "NA"}
        for row in table
    ]
    onnx, sklearn = (ask(function, rows) for function in functions)
    assert len(onnx) == len(sklearn) == 344
    refused = [number for number, row in enumerate(onnx, start=1) if "error" in row]
    assert refused == [bird.row for bird in load_penguins().incomplete]
    assert [row for row in onnx if "error" in row] == [row for row in sklearn if "error" in row]
    complete = [[row for row in answers if "error" not in row] for answers in (onnx, sklearn)]
    assert len(complete[0]) == 333
    assert_same(*complete)
    right = sum(row["prediction"] == bird.label for row, bird in zip(complete[0], load_penguins().rows, strict=True))
    assert right >= 330


def test_ten_thousand_random_penguins(functions: list[FunctionProcess]) -> None:
    rows = [penguin.model_dump() for penguin in random_penguins(RANGES, 10_000)]
    onnx, sklearn = (ask(function, rows) for function in functions)
    assert len(onnx) == 10_000
    assert_same(onnx, sklearn)
    assert len({row["prediction"] for row in onnx}) == 3
