"""No answer is much larger than what was asked, whatever was asked: over HTTP, in events and in files."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.answers import batch_json, json_lines
from predictor.batch import Batch
from predictor.bootstrap import build
from predictor.bulk.lines import Blocks
from predictor.bulk.ndjson import Documents
from predictor.decoding import decode
from predictor.errors import InvalidInput, PredictorError, Unscorable
from predictor.events import scoring
from predictor.events.message import Message
from predictor.models import LoadedModel
from predictor.penguin import Penguin
from predictor.service import predict_batch
from predictor.settings import Settings
from predictor.web.problems import problem_response
from tests.support.bundles import EXAMPLE, PublishedBundle

MAX_ROWS = 1000
FRAME_BYTES = 64_000
GOOD_ROW = json.dumps(EXAMPLE)
BAD_ROWS = ["1", "{}", "[]", "[[1]]", '{"a":1}', '{"sex":1,"sex":1}', '{"":1}']
UNKNOWN = ",".join(f'"{chr(0x4E00 + n)}":1' for n in range(100))
SLASHES = ",".join(f'"{"/" * (n + 1)}":1' for n in range(90, 100))
WIDE_ROWS = ["{" + fields + "}" for fields in (UNKNOWN, SLASHES, ",".join(f'"{n}":1' for n in range(100)))]
Runs = list[tuple[str, int]]
"""Rows, each with how often it comes."""
runs = st.lists(st.tuples(st.sampled_from([*BAD_ROWS, *WIDE_ROWS, GOOD_ROW]), st.integers(1, MAX_ROWS)), max_size=4)


def expand(runs: Runs) -> list[str]:
    return [row for row, times in runs for _ in range(times)][:MAX_ROWS]


@pytest.fixture(scope="module")
def model(bundle: PublishedBundle) -> LoadedModel:
    return build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest)).models.get_blocking()


def batch_of(texts: list[str]) -> bytes:
    return ('{"instances":[' + ",".join(texts) + "]}").encode()


def http_answer(model: LoadedModel, body: bytes) -> bytes:
    try:
        decoded = decode(body, max_instances=MAX_ROWS)
    except PredictorError as error:
        return bytes(problem_response(error, b"1").body)
    assert not isinstance(decoded, Penguin)
    return batch_json(predict_batch(model, Batch.of(decoded)))


def outcome(model: LoadedModel, message: Message) -> bytes:
    try:
        batch = scoring.read_rows(message, max_data_bytes=10**7, max_rows=MAX_ROWS)
    except Unscorable as error:
        return scoring.reject(message, error).body
    return scoring.score(model, message, batch).body


def limit(model: LoadedModel, texts: list[str]) -> int:
    good = [text for text in texts if text == GOOD_ROW]
    return FRAME_BYTES + len(http_answer(model, batch_of(good))) + 20 * len(good)


@settings(max_examples=20, deadline=None)
@given(runs=runs)
def test_a_batch_over_http(model: LoadedModel, runs: Runs) -> None:
    texts = expand(runs)
    body = batch_of(texts)
    answer = http_answer(model, body)
    assert len(answer) <= 4 * len(body) + limit(model, texts)
    assert len(json.loads(answer)["predictions"]) == len(texts)


@settings(max_examples=20, deadline=None)
@given(runs=runs, lines=st.booleans())
def test_a_result_of_an_event(model: LoadedModel, runs: Runs, lines: bool) -> None:
    texts = expand(runs)
    data = "\n".join([*texts, "no JSON"][:MAX_ROWS]).encode() if lines else batch_of(texts)
    message = Message("1", "s", data, {"content-type": "application/x-ndjson"} if lines else {})
    answer = outcome(model, message)
    assert len(answer) <= 4 * len(data) + limit(model, texts)
    document = json.loads(answer)
    assert document.get("rows", 1) >= len(texts) or document["reason"] == "result_too_large"


@settings(max_examples=20, deadline=None)
@given(text=st.sampled_from([*BAD_ROWS, *WIDE_ROWS, "{", "no JSON"]))
def test_a_reject_of_an_event(model: LoadedModel, text: str) -> None:
    assert len(outcome(model, Message("1", "s", text.encode()))) <= 4 * len(text) + FRAME_BYTES


@settings(max_examples=20, deadline=None)
@given(runs=runs)
def test_each_row_of_a_file(model: LoadedModel, runs: Runs) -> None:
    texts = expand(runs)
    lines = [*texts, "no JSON"]
    chunks = Documents(Blocks(io.BytesIO("\n".join(lines).encode())))
    answers = [
        answer
        for chunk in chunks
        for answer in json_lines(predict_batch(model, chunk.batch), chunk.first_row).splitlines()
    ]
    for line, answer in zip(lines, answers, strict=True):
        assert line == GOOD_ROW or len(answer) <= 4 * len(line.encode()) + 2048


def errors_of(answer: bytes) -> list[dict[str, Any]]:
    return [row["error"] for row in json.loads(answer)["predictions"]]


def test_a_row_says_how_many_violations_are_not_shown(model: LoadedModel) -> None:
    errors = errors_of(http_answer(model, batch_of([WIDE_ROWS[2]] * 1000)))
    assert errors[0]["detail"] == "The input has 106 violations; 100 are shown."
    assert len(errors[0]["errors"]) == 100
    assert errors[-1] == {"detail": "106 violations, not shown.", "errors": []}


def test_usual_mistakes_in_every_row_are_all_shown(model: LoadedModel) -> None:
    row = json.dumps({**EXAMPLE, "bill_length_mm": 3.9, "sex": "MALE", "age": 1})
    for error in errors_of(http_answer(model, batch_of([row] * 1000))):
        assert (error["detail"], len(error["errors"])) == ("The input has 3 violations.", 3)


def test_a_document_with_very_many_fields_says_how_many_are_wrong() -> None:
    body = "{" + ",".join(f'"{n}":1,"{n}":2' for n in range(1000)) + "}"
    with pytest.raises(InvalidInput, match=r"^The input has 2006 violations; 100 are shown\.$"):
        decode(body.encode(), max_instances=1)
