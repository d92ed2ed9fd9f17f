"""When rows are counted and summaries are written: within requests, once a minute at most, and at the end."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from predictor.batch import PenguinColumns
from predictor.errors import MalformedJson, UnloadableModel
from predictor.penguin import Penguin
from predictor.prediction import ModelIdentity
from predictor.schema import categories_of, measurements_of
from predictor.training.dataset import Dataset
from predictor.trust.assessment import Assessor
from predictor.trust.traffic import INTERVAL_S, MIN_ROWS, PENDING_ROWS, Traffic

IDENTITY = ModelIdentity("7", "sha256:" + "7" * 64)


class Model:
    """A model whose reference can be read, or not."""

    identity = IDENTITY

    def __init__(self, assessor: Assessor | None) -> None:
        self._assessor = assessor
        self.asked = 0

    def assessor(self) -> Assessor:
        self.asked += 1
        if self._assessor is None:
            raise UnloadableModel("reference.json", "is of another time")
        return self._assessor


class Counted:
    """A `Traffic` with a clock that is set by hand, and what it has written."""

    def __init__(self, assessor: Assessor | None, on_first: Callable[[Any], bool] = lambda _flush: True) -> None:
        self.now_s = 1000.0
        self.written: list[dict[str, Any]] = []
        self.model = Model(assessor)
        self.traffic = Traffic(self.model, self.written.append, clock=lambda: self.now_s, on_first=on_first)

    def add(self, penguin: Penguin, count: int = 1) -> None:
        for _ in range(count):
            self.traffic.add(measurements_of(penguin), categories_of(penguin), 0)

    @property
    def rows(self) -> list[int]:
        return [fields["rows"] for fields in self.written]


@pytest.fixture
def counted(assessor: Assessor) -> Counted:
    return Counted(assessor)


@pytest.fixture
def penguin(dataset: Dataset) -> Penguin:
    return dataset.penguins[0]


def test_a_summary_is_written_within_a_request_once_a_minute(counted: Counted, penguin: Penguin) -> None:
    counted.add(penguin, 100)
    counted.now_s += INTERVAL_S - 0.1
    counted.add(penguin)
    assert counted.rows == []
    counted.now_s += 0.1
    counted.add(penguin)
    assert counted.rows == [102]
    counted.add(penguin, 500)
    assert counted.rows == [102]
    counted.now_s += INTERVAL_S
    assert counted.rows == [102], "not without a request"
    counted.add(penguin)
    assert counted.rows == [102, 501]
    assert counted.written[0]["model_version"] == "7"
    assert counted.written[0]["model_digest"] == IDENTITY.digest
    assert counted.written[0]["summary_id"] != counted.written[1]["summary_id"]


def test_the_first_requests_read_no_reference(counted: Counted, penguin: Penguin) -> None:
    counted.add(penguin, PENDING_ROWS - 1)
    assert counted.model.asked == 0
    counted.add(penguin)
    assert counted.model.asked == 1


def test_few_rows_wait_for_more(counted: Counted, penguin: Penguin) -> None:
    for _ in range(MIN_ROWS - 1):
        counted.add(penguin)
        counted.now_s += INTERVAL_S
    assert counted.rows == []
    counted.add(penguin)
    assert counted.rows == [MIN_ROWS]


def test_at_the_end_everything_is_written_but_few_rows_are_only_numbered(counted: Counted, penguin: Penguin) -> None:
    counted.add(penguin, MIN_ROWS)
    counted.traffic.flush()
    counted.traffic.flush()
    assert counted.rows == [MIN_ROWS]
    counted.add(penguin, MIN_ROWS - 1)
    counted.traffic.flush()
    assert counted.rows == [MIN_ROWS, 0]
    last = counted.written[-1]
    assert last["discarded"] == MIN_ROWS - 1
    assert last["groups"] == {}


def test_nothing_is_written_where_nothing_was_asked(counted: Counted) -> None:
    counted.traffic.flush()
    assert counted.written == []


def test_refused_rows_and_feedback_are_written_without_others(counted: Counted) -> None:
    counted.traffic.refuse(MalformedJson("x"))
    counted.traffic.feedback("Gentoo", "Gentoo", covered=True)
    counted.now_s += INTERVAL_S
    counted.traffic.refuse(MalformedJson("x"))
    (fields,) = counted.written
    assert fields["refused"] == {"out_of_range": 0, "other": 2}
    assert fields["feedback"]["pairs"] == {"Gentoo": {"Gentoo": 1}}


def test_a_batch_is_counted_with_its_bad_rows(counted: Counted, dataset: Dataset) -> None:
    columns = PenguinColumns.of(dataset.penguins[:20])
    known = np.ones(20, dtype=np.bool_)
    counted.traffic.add_batch(columns, np.zeros(20, dtype=np.intp), known, [MalformedJson("x")] * 3)
    counted.traffic.flush()
    assert counted.rows == [20]
    assert counted.written[0]["refused"]["other"] == 3


def test_the_end_is_asked_for_with_the_first_row_and_again_where_it_was_refused(
    assessor: Assessor, penguin: Penguin
) -> None:
    asked: list[Any] = []

    def refuse_once(flush: Any) -> bool:
        asked.append(flush)
        return len(asked) > 1

    counted = Counted(assessor, refuse_once)
    assert asked == []
    counted.add(penguin)
    assert asked == [counted.traffic.flush]
    for _ in range(3):
        counted.add(penguin, MIN_ROWS)
        counted.now_s += INTERVAL_S
        counted.add(penguin)
    assert len(asked) == 2


def test_a_reference_that_cannot_be_read_fails_no_request_and_fills_no_memory(penguin: Penguin) -> None:
    counted = Counted(None)
    counted.add(penguin, 10_000)
    counted.now_s += INTERVAL_S
    counted.add(penguin)
    counted.traffic.refuse(MalformedJson("x"))
    counted.traffic.flush()
    assert counted.written == []
    assert counted.model.asked == 1


def test_threads_lose_no_row(assessor: Assessor, penguin: Penguin) -> None:
    counted = Counted(assessor)
    threads = [threading.Thread(target=counted.add, args=(penguin, 700)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted.traffic.flush()
    assert sum(counted.rows) == 2800
