"""The checks of a smoke test against a function that is made up. tests/e2e/test_smoke.py asks real ones."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from predictor.artifacts.local_store import LocalStore
from predictor.errors import ArtifactMissing, DigestMismatch, FunctionUnreachable, SmokeFailed
from predictor.models import Golden
from predictor.operations.remote import JSON_HEADERS, Answer
from predictor.operations.smoke import SmokeResult, golden_rows, smoke, statuses_of
from tests.support.bundles import PublishedBundle, publish_by_hand

VERSION = "v1"


class FakeFunction:
    """A good function; a test changes what it answers."""

    url = "https://x.example"

    def __init__(self, golden: Golden, digest: str) -> None:
        self.golden = {row.penguin.model_dump_json().encode(): row for row in golden.rows}
        self.classes = golden.classes
        self.model = {"version": VERSION, "digest": digest}
        self.ready: list[Answer | FunctionUnreachable] = []
        self.elapsed_ms = [1.0]
        self.asked = 0

    def get(self, path: str) -> Answer:
        if path == "/ready":
            answer = self.ready.pop(0) if self.ready else _answer(200, {"model": self.model})
            if isinstance(answer, FunctionUnreachable):
                raise answer
            return answer
        return _problem(405, {"Allow": "POST"}) if path == "/predict" else _problem(404)

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = JSON_HEADERS) -> Answer:
        if headers != JSON_HEADERS:
            return _problem(415)
        if body.startswith(b'{"instances": '):
            return _answer(200, {"predictions": [self.batch_row(row) for row in json.loads(body)["instances"]]})
        if body not in self.golden:
            return _problem(400 if body.endswith(b":") else 422)
        row = self.golden[body]
        name = self.classes[row.probabilities.index(max(row.probabilities))]
        if path == "/predict":
            self.asked += 1
            return _answer(200, {"prediction": name}, elapsed_ms=self.elapsed_ms[self.asked % len(self.elapsed_ms)])
        return _answer(200, {**self.batch_row(json.loads(body)), "model": self.model})

    def batch_row(self, penguin: dict[str, Any]) -> Any:
        row = self.golden.get(json.dumps(penguin, separators=(",", ":")).encode())
        if row is None:
            return {"error": {"detail": "Is required."}}
        probabilities = dict(zip(self.classes, row.probabilities, strict=True))
        return {"prediction": max(probabilities, key=lambda name: probabilities[name]), "probabilities": probabilities}


def _answer(
    status: int, document: Any, headers: Mapping[str, str] = {"Content-Type": "application/json"}, elapsed_ms: float = 1
) -> Answer:
    return Answer(status, headers, json.dumps(document).encode(), elapsed_ms)


def _problem(status: int, headers: Mapping[str, str] | None = None) -> Answer:
    document = {"type": "about:blank", "title": "No", "status": status, "detail": "No.", "errors": [{"pointer": ""}]}
    return _answer(status, document, {"Content-Type": "application/problem+json; charset=utf-8", **(headers or {})})


@pytest.fixture(scope="module")
def golden(bundle: PublishedBundle) -> Golden:
    return golden_rows(LocalStore(bundle.folder), bundle.digest)


@pytest.fixture
def function(golden: Golden, bundle: PublishedBundle) -> FakeFunction:
    return FakeFunction(golden, bundle.digest)


def check(function: FakeFunction, golden: Golden, *, limit_ms: float = 10, requests: int = 20) -> SmokeResult:
    fake: Any = function
    return smoke(fake, function.model["digest"], golden, p95_limit_ms=limit_ms, requests=requests)


def test_golden_rows_are_those_of_the_pinned_model(golden: Golden, bundle: PublishedBundle, tmp_path: Path) -> None:
    assert len(golden.rows) == 12
    with pytest.raises(DigestMismatch):
        golden_rows(LocalStore(bundle.folder), "sha256:" + "0" * 64)
    with pytest.raises(ArtifactMissing):
        golden_rows(LocalStore(tmp_path), bundle.digest)


def test_golden_rows_that_were_changed_are_refused(tmp_path: Path) -> None:
    changed = publish_by_hand(tmp_path)
    (changed.folder / "golden.json").write_bytes((changed.folder / "golden.json").read_bytes()[::-1])
    with pytest.raises(DigestMismatch, match=r"golden\.json"):
        golden_rows(LocalStore(changed.folder), changed.digest)


def test_a_good_function_passes_every_check(function: FakeFunction, golden: Golden) -> None:
    assert check(function, golden) == SmokeResult(VERSION, 12, 5, 20, 1.0)


def test_valid_requests_are_sent_in_turn_and_their_statuses_counted(function: FakeFunction, golden: Golden) -> None:
    fake: Any = function
    assert statuses_of(fake, golden, 30) == {200: 30}


def test_the_95th_percentile_is_the_nearest_rank(function: FakeFunction, golden: Golden) -> None:
    function.elapsed_ms = [float(number) for number in range(1, 21)]
    assert check(function, golden, limit_ms=19.0).p95_ms == 19.0
    function.asked = 0
    with pytest.raises(SmokeFailed, match="latency: p95 is over 18 ms: 2 of the first"):
        check(function, golden, limit_ms=18.0)


def test_a_slow_function_is_not_asked_to_the_end(function: FakeFunction, golden: Golden) -> None:
    function.elapsed_ms = [11.0]
    with pytest.raises(SmokeFailed, match="6 of the first 6 requests took longer"):
        check(function, golden, requests=100)
    assert function.asked == 6


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (_answer(503, "warming up"), 'ready: GET /ready gave 503 "warming up"'),
        (_answer(403, "no"), "ready: GET /ready gave 403: the caller may not invoke it"),
        (_answer(200, {"model": None}), "ready: GET /ready names no model"),
        (_answer(200, ["model"]), "ready: GET /ready names no model"),
        (_answer(200, {"model": {"version": "v2", "digest": "other"}}), "ready: it serves the model other, pinned is"),
    ],
)
def test_a_function_that_is_not_ready_with_the_pinned_model_fails(
    function: FakeFunction, golden: Golden, answer: Answer, message: str
) -> None:
    function.ready = [answer]
    with pytest.raises(SmokeFailed) as caught:
        check(function, golden)
    assert str(caught.value).startswith(message)
    assert caught.value.check == "ready"


def test_a_function_that_cannot_be_reached_is_said_to_be(function: FakeFunction, golden: Golden) -> None:
    function.ready = [FunctionUnreachable(function.url, "GET /ready failed")]
    with pytest.raises(FunctionUnreachable):
        check(function, golden)


def test_a_probability_that_is_no_number_is_a_difference(function: FakeFunction, golden: Golden) -> None:
    body, row = next(iter(function.golden.items()))
    function.golden[body] = row.model_copy(update={"probabilities": (float("nan"), *row.probabilities[1:])})
    with pytest.raises(SmokeFailed, match="golden: row 0 gave"):
        check(function, golden)


class BatchesDiffer(FakeFunction):
    """Answers single birds well; a test says what comes of a batch."""

    answer: Any = None

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = JSON_HEADERS) -> Answer:
        answer = super().post(path, body, headers)
        return self.answer(answer) if body.startswith(b'{"instances": ') else answer


def changed(change: Callable[[list[Any]], object]) -> Callable[[Answer], Answer]:
    """A batch's answer with its rows changed in place."""

    def answer(good: Answer) -> Answer:
        rows = json.loads(good.body)["predictions"]
        change(rows)
        return _answer(200, {"predictions": rows})

    return answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda _: _problem(500), "a batch of 13 rows gave 500"),
        (lambda _: _answer(200, ["no"]), "a batch of 13 rows gave 200"),
        (changed(list.pop), "a batch of 13 rows gave 200"),
        (changed(lambda rows: rows.__setitem__(6, rows[5])), "the invalid row of a batch gave {"),
        (changed(lambda rows: rows.__setitem__(5, "Adelie")), 'row 5 of a batch gave "Adelie", published is'),
        (changed(lambda rows: rows.__setitem__(7, {**rows[7], "prediction": "Emperor"})), "row 6 of a batch gave 'Emp"),
        (changed(lambda rows: rows.__setitem__(7, rows[5])), "row 6 of a batch gave {"),
    ],
)
def test_a_function_that_fails_only_in_batches_fails(
    golden: Golden, bundle: PublishedBundle, answer: Callable[[Answer], Answer], message: str
) -> None:
    function = BatchesDiffer(golden, bundle.digest)
    function.answer = answer
    with pytest.raises(SmokeFailed) as caught:
        check(function, golden)
    assert str(caught.value).startswith(f"golden: {message}")
