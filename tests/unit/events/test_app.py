"""The function `score`: what a request brings, what is published for it, and what is answered."""

import asyncio
import gc
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from predictor.bootstrap import build
from predictor.errors import BadObject, PublisherUnavailable, StoreUnavailable
from predictor.events import events_app
from predictor.events.message import Message
from predictor.events.object_scorer import ObjectResult
from predictor.models import LoadedModel
from predictor.settings import Settings
from predictor.web import Endpoint
from tests.support.asgi import Client, plenty
from tests.support.events import (
    BAD_ROW,
    ROW,
    FakePublisher,
    Request,
    binary_event,
    push_document,
    raw_push,
    structured_event,
)
from tests.support.logs import Log

Shape = Callable[[dict[str, Any]], Request]


@pytest.fixture
def client(app: Endpoint) -> Client:
    return Client(app)


def send(client: Client, request: Request) -> httpx.Response:
    headers, body = request
    return client.post("/", headers=headers, content=body)


def test_a_scored_message_is_published_and_acknowledged(client: Client, publisher: FakePublisher, log: Log) -> None:
    answer = send(client, raw_push(push_document(ordering_key="nest-1", delivery_attempt=2)))
    assert (answer.status_code, answer.content) == (204, b"")
    ((outcome, ordering_key),) = publisher.published
    assert (ordering_key, outcome.reason) == ("nest-1", None)
    assert publisher.documents[0]["predictions"][0]["prediction"] == "Adelie"
    (line,) = log.lines("message_scored")
    assert (line["message_id"], line["delivery_attempt"], line["rows"], line["rejected_rows"]) == ("1", 2, 1, 0)
    assert line["age_s"] > 0
    assert line["duration_ms"] > 0
    assert line["model_version"] == answer.headers["model-version"]


@pytest.mark.parametrize("data", [b"{", b"x" * 2_000_000, ROW.replace(b"39.1", b"1e9")])
def test_a_rejected_message_is_not_kept_until_a_garbage_collection(client: Client, data: bytes) -> None:
    """It may have 11 MB, and so much garbage is not what makes Python collect it."""
    send(client, raw_push(push_document(data)))  # Imports what it needs.
    gc.collect()
    gc.disable()
    try:
        assert send(client, raw_push(push_document(data))).status_code == 204
        kept = [item for item in gc.get_objects() if isinstance(item, Message)]
    finally:
        gc.enable()
    assert kept == []


def test_a_publisher_can_name_its_message_for_the_log(client: Client, log: Log) -> None:
    answer = send(client, raw_push(push_document(attributes={"requestid": "order-7"})))
    (line,) = log.lines("message_scored")
    assert answer.headers["x-request-id"] == line["request_id"] == "order-7"


def test_every_shape_publishes_the_same_bytes(client: Client, publisher: FakePublisher) -> None:
    for data, attributes in [
        (ROW, {}),
        (b'{"instances": [' + ROW + b"," + BAD_ROW + b"]}", {"a": "1"}),
        (ROW + b"\n{", {"content-type": "application/x-ndjson"}),
        (b"{", {"a": "1"}),
        (None, {"a": "1"}),
    ]:
        publisher.published.clear()
        for shape in (raw_push, binary_event, structured_event):
            assert send(client, shape(push_document(data, attributes=attributes))).status_code == 204
        assert len(publisher.published) == 3
        assert len({outcome.body for outcome, _ in publisher.published}) == 1


@pytest.mark.parametrize(("data", "reason"), [(b"{", "malformed_json"), (None, "no_data"), (BAD_ROW, "invalid_input")])
def test_a_message_that_can_never_be_scored_is_rejected_and_acknowledged(
    client: Client, publisher: FakePublisher, log: Log, data: bytes | None, reason: str
) -> None:
    answer = send(client, raw_push(push_document(data, attributes={"station": "Palmer"})))
    assert answer.status_code == 204
    (document,) = publisher.documents
    assert document["reason"] == reason
    assert document["attributes"] == [{"key": "station", "value": "Palmer"}]
    (line,) = log.lines("message_rejected")
    assert line["reason"] == reason


def test_it_is_rejected_even_while_there_is_no_model(settings: Settings, publisher: FakePublisher) -> None:
    no_model = Settings(model_uri="/nowhere", model_digest=settings.model_digest)
    client = Client(build(no_model, publisher=publisher).events())
    assert send(client, raw_push(push_document(b"{"))).status_code == 204
    assert publisher.documents[0]["reason"] == "malformed_json"


def test_without_a_model_the_message_is_to_be_redelivered(
    settings: Settings, publisher: FakePublisher, log: Log
) -> None:
    no_model = Settings(model_uri="/nowhere", model_digest=settings.model_digest)
    answer = send(Client(build(no_model, publisher=publisher).events()), raw_push(push_document()))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["type"] == "urn:penguin-predictor:problem:message-not-scored"
    assert publisher.published == []
    assert log.lines("message_failed")[0]["reason"] == "model"


def test_without_a_confirmed_publish_the_message_is_to_be_redelivered(
    client: Client, publisher: FakePublisher, log: Log
) -> None:
    publisher.error = PublisherUnavailable("projects/p/topics/t", "it is down")
    answer = send(client, raw_push(push_document()))
    assert (answer.status_code, publisher.published) == (503, [])
    assert log.lines("message_failed")[0]["reason"] == "publisher"
    publisher.error = None
    assert send(client, raw_push(push_document())).status_code == 204


def test_a_bird_out_of_range_waits_for_the_model_that_may_give_a_hint(publisher: FakePublisher) -> None:
    """Otherwise its reject would not always be the same."""
    client = Client(build(Settings(model_uri="/nowhere"), publisher=publisher).events())
    far_too_long = ROW.replace(b"39.1", b"1039.1")
    assert far_too_long != ROW
    assert send(client, raw_push(push_document(far_too_long))).status_code == 503
    assert publisher.published == []


def test_a_message_that_takes_too_long_is_to_be_redelivered(settings: Settings, log: Log) -> None:
    class NeverConfirms(FakePublisher):
        async def publish(self, *args: Any, **options: Any) -> None:
            await asyncio.Event().wait()

    models = build(settings).models
    endpoint = events_app(
        models, NeverConfirms(), max_data_bytes=10_000, max_rows=5, admission=plenty(), message_timeout_s=0.05
    )
    answer = send(Client(endpoint), raw_push(push_document()))
    assert answer.status_code == 503
    assert log.lines("message_failed")[0]["reason"] == "deadline"


def test_a_request_without_an_event_publishes_nothing(client: Client, publisher: FakePublisher) -> None:
    answer = client.post("/", json={"bill_length_mm": 39.1})
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:penguin-predictor:problem:not-an-event"
    assert client.post("/", content=b"x" * (17 * 1024 * 1024)).status_code == 413
    assert publisher.published == []


def test_a_large_message_is_scored(publisher: FakePublisher, settings: Settings) -> None:
    client = Client(build(Settings(settings.model_uri, settings.model_digest), publisher=publisher).events())
    data = b'{"instances": [' + b",".join([ROW] * 900) + b"]}"
    assert send(client, raw_push(push_document(data))).status_code == 204
    assert publisher.documents[0]["rows"] == 900


class TestProbes:
    def test_health_and_ready_work_as_on_predict(self, client: Client) -> None:
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/ready").json()["status"] == "ready"

    def test_ready_is_503_without_a_model(self, settings: Settings) -> None:
        client = Client(build(Settings(model_uri="/nowhere", model_digest=settings.model_digest)).events())
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 503

    def test_other_methods_and_paths_are_refused(self, client: Client) -> None:
        assert client.request("DELETE", "/").headers["allow"] == "GET, POST, HEAD, OPTIONS"
        for path in ("/predict", "/docs", "/docs/start.js", "/openapi.json"):
            assert client.get(path).status_code == 404


class FakeObjectScorer:
    """Scores nothing; records what it was asked, and raises `error` if there is one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[str, str, int]] = []
        self.error = error

    def score(self, model: LoadedModel, bucket: str, name: str, generation: int) -> ObjectResult:
        self.asked.append((bucket, name, generation))
        if self.error is not None:
            raise self.error
        return ObjectResult(10, 2, "gs://results/birds.csv.scored.ndjson")


def notification(name: str = "birds.csv", event_type: str = "OBJECT_FINALIZE", *, bucket: str = "birds-in") -> Request:
    attributes = {"eventType": event_type, "bucketId": bucket, "objectId": name, "objectGeneration": "17"}
    return raw_push(push_document(b'{"kind": "storage#object"}', attributes=attributes))


class TestFiles:
    def test_a_new_file_is_scored_and_its_result_says_where(self, settings: Settings, publisher: FakePublisher) -> None:
        scorer = FakeObjectScorer()
        client = Client(build(settings, publisher=publisher, object_scorer=scorer).events())
        assert send(client, notification()).status_code == 204
        assert scorer.asked == [("birds-in", "birds.csv", 17)]
        (document,) = publisher.documents
        assert (document["rows"], document["rejected_rows"], document["predictions"]) == (10, 2, [])
        assert document["object"] == {
            "bucket": "birds-in",
            "name": "birds.csv",
            "generation": "17",
            "result_uri": "gs://results/birds.csv.scored.ndjson",
        }

    def test_a_bad_file_is_a_reject_with_its_row_numbers(self, settings: Settings, publisher: FakePublisher) -> None:
        scorer = FakeObjectScorer(BadObject("bad_header", "The header lacks sex.", [1, 4]))
        client = Client(build(settings, publisher=publisher, object_scorer=scorer).events())
        assert send(client, notification()).status_code == 204
        (document,) = publisher.documents
        assert (document["reason"], document["row_numbers"]) == ("bad_header", [1, 4])
        assert document["object"]["name"] == "birds.csv"

    def test_after_a_retryable_error_the_notification_is_to_be_redelivered(
        self, settings: Settings, publisher: FakePublisher
    ) -> None:
        scorer = FakeObjectScorer(StoreUnavailable("gs://b/birds.csv", "timeout"))
        client = Client(build(settings, publisher=publisher, object_scorer=scorer).events())
        assert send(client, notification()).status_code == 503
        assert publisher.published == []

    def test_without_a_results_bucket_a_file_is_rejected(self, client: Client, publisher: FakePublisher) -> None:
        assert send(client, notification()).status_code == 204
        assert publisher.documents[0]["reason"] == "no_results_bucket"

    @pytest.mark.parametrize(
        ("bucket", "name"),
        [("", "a.csv"), ("a/b", "a.csv"), ("No such", "a.csv"), ("b-1", "a\n.csv"), ("b-1", "\u00e9" * 511 + ".csv")],
    )
    def test_a_notification_about_an_impossible_object_is_rejected(
        self, settings: Settings, publisher: FakePublisher, bucket: str, name: str
    ) -> None:
        """The client raises for some of them, and the service answers 400 for others."""
        scorer = FakeObjectScorer()
        client = Client(build(settings, publisher=publisher, object_scorer=scorer).events())
        assert send(client, notification(name, bucket=bucket)).status_code == 204
        assert (publisher.documents[0]["reason"], scorer.asked) == ("malformed_event", [])

    @pytest.mark.parametrize("generation", ["", "newest", "9" * 30, str(2**63)])
    def test_a_notification_without_a_generation_is_rejected(
        self, client: Client, publisher: FakePublisher, generation: str
    ) -> None:
        attributes = {"eventType": "OBJECT_FINALIZE", "bucketId": "birds-in", "objectId": "birds.csv"}
        request = raw_push(push_document(attributes=attributes | {"objectGeneration": generation}))
        assert send(client, request).status_code == 204
        assert publisher.documents[0]["reason"] == "malformed_event"

    @pytest.mark.parametrize(
        ("request_", "reason"),
        [
            (notification("photo.jpg"), "file_type"),
            (notification(event_type="OBJECT_DELETE"), "event_type"),
            (notification("birds.csv.scored.ndjson"), "is_a_result"),
        ],
    )
    def test_an_irrelevant_notification_is_acknowledged(
        self, client: Client, publisher: FakePublisher, log: Log, request_: Request, reason: str
    ) -> None:
        assert send(client, request_).status_code == 204
        assert publisher.published == []
        assert log.lines("message_ignored")[0]["reason"] == reason


def test_results_go_to_the_log_where_no_topic_is_set(settings: Settings, log: Log) -> None:
    client = Client(build(settings).events())
    assert send(client, raw_push(push_document())).status_code == 204
    assert send(client, raw_push(push_document(b"{"))).status_code == 204
    (result,), (reject,) = log.lines("result_published"), log.lines("reject_published")
    assert json.loads(result["body"])["predictions"][0]["prediction"] == "Adelie"
    assert json.loads(reject["body"])["reason"] == "malformed_json"
