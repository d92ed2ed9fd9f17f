import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from predictor.artifacts.local_store import LocalStore
from predictor.batch import PenguinColumns
from predictor.errors import GoldenMismatch, UnloadableModel
from predictor.models import Engine, Golden, load_model
from predictor.penguin import Penguin
from tests.support.bundles import PublishedBundle


@pytest.fixture
def golden(bundle: PublishedBundle) -> Golden:
    return Golden.from_bytes((bundle.folder / "golden.json").read_bytes())


@pytest.fixture
def engine(bundle: PublishedBundle) -> Engine:
    deadline = time.monotonic() + 30
    return load_model(LocalStore(bundle.folder), pin=bundle.digest, choice="onnx", deadline=deadline).engine


class FixedEngine(Engine):
    """Answers from a table, `single` for one penguin and `batch` for several."""

    name = "onnx"
    runtime = "fixed"
    blocking = False

    def __init__(self, golden: Golden, *, blocking: bool = False) -> None:
        self.blocking = blocking
        self.single = {row.penguin: list(row.probabilities) for row in golden.rows}
        self.batch = [list(row.probabilities) for row in golden.rows]
        self.asked_singly = 0

    def probabilities(self, penguin: Penguin) -> list[float]:
        self.asked_singly += 1
        return self.single[penguin]

    def batch_probabilities(self, columns: PenguinColumns) -> "np.ndarray[Any, Any]":
        assert len(columns) == len(self.batch)
        return np.array(self.batch)


def changed(golden: Golden, row: int, probabilities: Sequence[float]) -> Golden:
    rows = list(golden.rows)
    rows[row] = rows[row].model_copy(update={"probabilities": tuple(probabilities)})
    return golden.model_copy(update={"rows": tuple(rows)})


def test_an_engine_that_answers_otherwise_is_found_with_the_row(golden: Golden, engine: Engine) -> None:
    golden.check(engine, golden.classes, batches=True)
    with pytest.raises(GoldenMismatch) as caught:
        changed(golden, 3, (0.2, 0.2, 0.6)).check(engine, golden.classes, batches=True)
    assert caught.value.row == 3
    assert caught.value.expected == (0.2, 0.2, 0.6)


@pytest.mark.parametrize("wrong", [[0.2, 0.2, 0.6], [float("nan")] * 3, [0.5, 0.5]])
def test_batches_are_compared_only_if_asked_for(golden: Golden, wrong: list[float]) -> None:
    engine = FixedEngine(golden)
    engine.batch[2][:] = wrong
    if len(wrong) != 3:
        engine.batch = [row[: len(wrong)] for row in engine.batch]
    fixed: Any = engine
    golden.check(fixed, golden.classes, batches=False)
    with pytest.raises(GoldenMismatch):
        golden.check(fixed, golden.classes, batches=True)


def test_a_blocking_engine_is_asked_for_one_penguin_and_the_batch(golden: Golden) -> None:
    engine: Any = FixedEngine(golden, blocking=True)
    golden.check(engine, golden.classes, batches=False)
    assert engine.asked_singly == 1
    engine.batch[-1] = [0.2, 0.2, 0.6]
    with pytest.raises(GoldenMismatch) as caught:
        golden.check(engine, golden.classes, batches=False)
    assert caught.value.row == len(golden.rows) - 1


def test_differences_up_to_the_tolerance_are_accepted(golden: Golden) -> None:
    engine: Any = FixedEngine(golden)
    engine.single[golden.rows[0].penguin] = [p + golden.tolerance / 2 for p in golden.rows[0].probabilities]
    golden.check(engine, golden.classes, batches=False)
    engine.single[golden.rows[0].penguin] = [p + golden.tolerance * 2 for p in golden.rows[0].probabilities]
    with pytest.raises(GoldenMismatch):
        golden.check(engine, golden.classes, batches=False)


def test_other_classes_are_unloadable(golden: Golden, engine: Engine) -> None:
    with pytest.raises(UnloadableModel, match="classes"):
        golden.check(engine, ("a", "b", "c"), batches=True)


@pytest.mark.parametrize("data", [b"{}", b"no JSON"])
def test_a_file_of_another_kind_is_unloadable(data: bytes) -> None:
    with pytest.raises(UnloadableModel, match=r"golden\.json"):
        Golden.from_bytes(data)


def test_golden_rows_without_rows_are_unloadable(golden: Golden) -> None:
    empty = golden.model_copy(update={"rows": ()}).to_bytes()
    with pytest.raises(UnloadableModel, match=r"golden\.json"):
        Golden.from_bytes(empty)


def test_bytes_and_back(golden: Golden) -> None:
    assert Golden.from_bytes(golden.to_bytes()) == golden
