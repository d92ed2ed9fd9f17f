"""What a published message carries besides its body, and where it goes. The contract itself is an integration test."""

from typing import Any

from predictor.events import LogPublisher, RoutingPublisher
from predictor.events.publisher import MAX_LOGGED_BYTES, attributes_of
from predictor.events.scoring import Outcome
from tests.support.asgi import run
from tests.support.events import FakePublisher
from tests.support.logs import Log

RESULT = Outcome(b'{"id":"a"}', "a", rows=1, rejected_rows=0)
REJECT = Outcome(b'{"id":"b"}', "b", rows=0, rejected_rows=0, reason="no_data")


def publish(publisher: Any, outcome: Outcome) -> None:
    run(publisher.publish(outcome, ordering_key="nest-1", timeout_s=1.0))


def test_subscribers_can_filter_by_attributes() -> None:
    assert attributes_of(RESULT) == {"content-type": "application/json", "id": "a", "kind": "result"}
    assert attributes_of(REJECT) == {
        "content-type": "application/json",
        "id": "b",
        "kind": "reject",
        "reason": "no_data",
    }


def test_results_and_rejects_go_their_own_ways() -> None:
    results, rejects = FakePublisher(), FakePublisher()
    for outcome in (RESULT, REJECT):
        publish(RoutingPublisher(results=results, rejects=rejects), outcome)
    assert results.published == [(RESULT, "nest-1")]
    assert rejects.published == [(REJECT, "nest-1")]


def test_the_log_line_says_which_kind_it_is_and_holds_the_document(log: Log) -> None:
    for outcome in (RESULT, REJECT):
        publish(LogPublisher(), outcome)
    assert [(line["event"], line["id"], line["body"], line["body_truncated"]) for line in log.lines()] == [
        ("result_published", "a", '{"id":"a"}', False),
        ("reject_published", "b", '{"id":"b"}', False),
    ]


def test_a_document_too_large_for_a_log_line_is_cut_between_characters(log: Log) -> None:
    publish(LogPublisher(), Outcome(b"x" + "é".encode() * MAX_LOGGED_BYTES, "a", rows=1, rejected_rows=0))
    (line,) = log.lines("result_published")
    assert line["body_truncated"] is True
    assert line["body"] == "x" + "é" * ((MAX_LOGGED_BYTES - 1) // 2)
