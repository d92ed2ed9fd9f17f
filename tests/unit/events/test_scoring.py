"""From a message to its outcome: the same bytes each time, row by row, or a reject that carries everything."""

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from predictor.batch import Batch
from predictor.errors import Unscorable, Violation
from predictor.events.documents import outcome_id
from predictor.events.message import Message
from predictor.events.scoring import MAX_OUTCOME_BYTES, MAX_REJECT_DATA_BYTES, Outcome, read_rows, reject, score
from predictor.models import LoadedModel
from predictor.penguin import Penguin
from predictor.prediction import Prediction
from predictor.service import predict_batch
from tests.support.bundles import EXAMPLE
from tests.support.events import BAD_ROW, ROW

NDJSON = {"content-type": "application/x-ndjson"}


def message(data: bytes, attributes: dict[str, str] | None = None, **more: Any) -> Message:
    return Message("1", "//source", data, attributes or {}, **more)


def outcome_of(model: LoadedModel, given: Message) -> Outcome:
    return score(model, given, read_rows(given, max_data_bytes=100_000, max_rows=5))


def reason(given: Message) -> str:
    with pytest.raises(Unscorable) as caught:
        read_rows(given, max_data_bytes=100_000, max_rows=5)
    return caught.value.reason_code


def test_one_penguin_gives_one_row(model: LoadedModel) -> None:
    outcome = outcome_of(model, message(ROW, publish_time=datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1)))))
    document = json.loads(outcome.body)
    (row,) = document.pop("predictions")
    assert document == {
        "id": outcome_id("//source", "1"),
        "source": "//source",
        "message_id": "1",
        "publish_time": "2026-01-01T23:00:00Z",
        "model": {"version": model.identity.version, "digest": model.identity.digest},
        "rows": 1,
        "rejected_rows": 0,
    }
    assert (row["row"], row["prediction"]) == (0, "Adelie")
    assert row["probability"] == max(row["probabilities"].values())
    assert list(row["probabilities"]) == ["Adelie", "Chinstrap", "Gentoo"]


@pytest.mark.parametrize(("own_id", "text"), [('"N1A1"', "N1A1"), ("7", "7"), ("1.5", "1.5"), ("true", "true")])
def test_the_id_of_a_row_comes_back_as_text(model: LoadedModel, own_id: str, text: str) -> None:
    row, bad = (line.replace(b"{", f'{{"rowid": {own_id}, '.encode(), 1) for line in (ROW, BAD_ROW))
    batch = b'{"instances": [' + row + b"," + bad + b"," + ROW + b"]}"
    for given in (message(batch), message(b"\n".join([row, bad, ROW]), NDJSON)):
        rows = json.loads(outcome_of(model, given).body)["predictions"]
        assert [row.get("id") for row in rows] == [text, text, None]
    (only,) = json.loads(outcome_of(model, message(row)).body)["predictions"]
    assert list(only) == ["row", "id", "prediction", "probability", "probabilities"]
    assert only["id"] == text


@pytest.mark.parametrize(
    ("data", "attributes"),
    [
        (b'{"instances": [' + ROW + b"," + BAD_ROW + b"," + ROW + b"]}", None),
        (ROW + b"\n" + BAD_ROW + b"\r\n\n" + ROW + b"\n", NDJSON),
        (ROW + b"\n" + BAD_ROW + b"\n" + ROW, {"content-type": "Application/X-NDJSON; charset=utf-8"}),
    ],
)
def test_an_invalid_row_never_fails_the_others(
    model: LoadedModel, data: bytes, attributes: dict[str, str] | None
) -> None:
    outcome = outcome_of(model, message(data, attributes))
    assert (outcome.rows, outcome.rejected_rows, outcome.reason) == (3, 1, None)
    rows = json.loads(outcome.body)["predictions"]
    assert [row.get("prediction") for row in rows] == ["Adelie", None, "Adelie"]
    assert [violation["pointer"] for violation in rows[1]["error"]["errors"]] == ["/bill_length_mm"]
    assert [row["row"] for row in rows] == [0, 1, 2]


def test_a_line_that_is_not_json_is_an_invalid_row(model: LoadedModel) -> None:
    rows = json.loads(outcome_of(model, message(ROW + b"\n{", NDJSON)).body)["predictions"]
    assert rows[1]["error"]["errors"] == []
    assert "not valid JSON" in rows[1]["error"]["detail"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (message(b""), "no_data"),
        (message(b" \n"), "no_data"),
        (message(b"{"), "malformed_json"),
        (message(b"\xff"), "malformed_json"),
        (message(b"[" * 50_000), "malformed_json"),
        (message(b"[]"), "invalid_input"),
        (message(BAD_ROW), "invalid_input"),
        (message(b'{"instances": 1}'), "invalid_input"),
        (message(b'{"instances": [' + b",".join([ROW] * 6) + b"]}"), "too_many_rows"),
        (message(b"\n".join([ROW] * 6), NDJSON), "too_many_rows"),
        (message(b"\n", NDJSON), "no_data"),
        (message(b" " * 100_000 + b"1"), "too_large"),
        (message(ROW, {"content-type": "text/csv"}), "unsupported_content_type"),
        (message(ROW, defect="it is broken"), "malformed_event"),
    ],
)
def test_what_can_never_be_scored_has_a_reason_code(given: Message, expected: str) -> None:
    assert reason(given) == expected


def test_a_reject_carries_the_message_and_all_violations() -> None:
    given = message(BAD_ROW, {"b": "2", "a": "1"})
    with pytest.raises(Unscorable) as caught:
        read_rows(given, max_data_bytes=100_000, max_rows=5)
    outcome = reject(given, caught.value)
    document = json.loads(outcome.body)
    assert (outcome.reason, document["reason"]) == ("invalid_input", "invalid_input")
    assert base64.b64decode(document["data"]) == BAD_ROW
    assert (document["data_bytes"], document["data_truncated"]) == (len(BAD_ROW), False)
    assert document["attributes"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    assert [violation["code"] for violation in document["errors"]] == ["out_of_range"]


def test_a_reject_always_fits_into_a_message() -> None:
    given = message(b"x" * 10_000_000)
    document = json.loads(reject(given, Unscorable("too_large", "Too large.")).body)
    assert base64.b64decode(document["data"]) == given.data[:MAX_REJECT_DATA_BYTES]
    assert (document["data_bytes"], document["data_truncated"]) == (10_000_000, True)
    assert len(reject(given, Unscorable("too_large", "Too large.")).body) < 9_000_000


def test_a_reject_of_the_largest_message_fits_however_its_texts_are_escaped() -> None:
    attributes = {f"{number:0256}": "\0" * 1_024 for number in range(100)}
    error = Unscorable(
        "too_large", "Too large.", [Violation("/" + "\0" * 200, "unknown_field", "No such field.")] * 100
    )
    assert len(reject(message(b"x" * 10_000_000, attributes), error).body) <= MAX_OUTCOME_BYTES


@pytest.mark.parametrize(("rows", "expected"), [(10_000, None), (60_000, "result_too_large")])
def test_a_result_too_large_for_pubsub_becomes_a_reject(model: LoadedModel, rows: int, expected: str | None) -> None:
    given = message(b"\n".join([ROW] * rows), NDJSON)
    outcome = score(model, given, read_rows(given, max_data_bytes=20_000_000, max_rows=rows))
    document = json.loads(outcome.body)
    assert (outcome.reason, document.get("reason")) == (expected, expected)
    assert base64.b64decode(document.get("data", "")) == (given.data[:MAX_REJECT_DATA_BYTES] if expected else b"")


def test_the_outcome_does_not_depend_on_when_or_how_often_the_message_is_delivered(model: LoadedModel) -> None:
    first = outcome_of(model, message(ROW, delivery_attempt=1))
    again = outcome_of(model, message(ROW, delivery_attempt=5))
    assert first == again


def test_every_row_is_scored_as_over_http(model: LoadedModel) -> None:
    (row,) = json.loads(outcome_of(model, message(ROW)).body)["predictions"]
    (prediction,) = predict_batch(model, Batch.of([Penguin(**EXAMPLE)]))
    assert isinstance(prediction, Prediction)
    assert row["prediction"] == prediction.prediction
    assert row["probabilities"] == prediction.probabilities
