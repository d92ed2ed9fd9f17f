"""Three shapes, one message; and requests without an event, or with an event whose data is broken."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from predictor.errors import NotAnEvent
from predictor.events.envelopes import decode
from predictor.events.message import Message
from tests.support.events import (
    PUBLISH_TIME,
    ROW,
    SUBSCRIPTION,
    Request,
    binary_event,
    push_document,
    raw_push,
    structured_event,
)

SHAPES = [raw_push, binary_event, structured_event]
Shape = Callable[[dict[str, Any]], Request]
BINARY = {"ce-id": "7", "ce-source": "//lab", "ce-type": "penguin.seen", "ce-specversion": "1.0"}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_message(shape: Shape) -> None:
    document = push_document(attributes={"station": "Palmer"}, ordering_key="nest-1", delivery_attempt=3)
    assert decode(*shape(document)) == Message(
        id="1",
        source=f"//pubsub.googleapis.com/{SUBSCRIPTION}",
        data=ROW,
        attributes={"station": "Palmer"},
        ordering_key="nest-1",
        delivery_attempt=3,
        publish_time=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_a_message_with_only_attributes_has_no_data(shape: Shape) -> None:
    message = decode(*shape(push_document(None, attributes={"a": "b"})))
    assert (message.data, message.attributes, message.defect) == (b"", {"a": "b"}, None)


@pytest.mark.parametrize("shape", SHAPES)
def test_broken_base64_is_a_defect_of_the_message_not_an_error(shape: Shape) -> None:
    document = push_document()
    document["message"]["data"] = "*not base64*"
    message = decode(*shape(document))
    assert message.defect is not None
    assert message.data == b"*not base64*"


def test_the_snake_case_spelling_of_a_push_is_read_too() -> None:
    data = base64.b64encode(ROW).decode()
    body = {"message": {"data": data, "message_id": "9", "publish_time": PUBLISH_TIME}, "subscription": "s"}
    message = decode(*raw_push(body))
    assert (message.id, message.publish_time) == ("9", datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC))


def test_a_push_by_hand_without_an_id_gets_one_from_its_content() -> None:
    body = {"message": {"data": base64.b64encode(ROW).decode()}}
    first, again = decode(*raw_push(body)), decode(*raw_push(body))
    other = decode(*raw_push({"message": {"data": base64.b64encode(ROW + b" ").decode()}}))
    assert first.id == again.id != other.id
    assert first.id.startswith("sha256:")


class TestPlainCloudEvents:
    def test_binary_data_is_the_message_itself(self) -> None:
        headers = {**BINARY, "content-type": "application/json", "ce-station": "Palmer", "ce-partitionkey": "nest-1"}
        message = decode(headers, ROW)
        assert (message.id, message.source, message.data) == ("7", "//lab", ROW)
        assert message.attributes["station"] == "Palmer"
        assert message.ordering_key == "nest-1"
        assert message.publish_time is None

    def test_headers_without_the_prefix_are_ignored(self) -> None:
        assert decode({**BINARY, "content-type": "application/json", "station": "Palmer"}, ROW).data == ROW

    @pytest.mark.parametrize("body", [b"", b"null"])
    def test_an_event_without_data_is_an_empty_message(self, body: bytes) -> None:
        assert decode({**BINARY, "content-type": "application/json"}, body).data == b""

    def test_broken_json_is_kept_as_it_came(self) -> None:
        assert decode({**BINARY, "content-type": "application/json"}, b'{"bill').data == b'{"bill'

    def test_ndjson_says_so_in_an_attribute_in_both_modes(self) -> None:
        lines = ROW + b"\n" + ROW
        binary = decode({**BINARY, "content-type": "application/x-ndjson"}, lines)
        event = {"specversion": "1.0", "id": "7", "source": "//lab", "type": "penguin.seen"}
        event |= {"datacontenttype": "application/x-ndjson", "data": lines.decode()}
        structured = decode({"content-type": "application/cloudevents+json"}, json.dumps(event).encode())
        assert binary == structured
        assert binary.content_type == "application/x-ndjson"

    def test_structured_data_in_base64_is_unpacked(self) -> None:
        event = {"specversion": "1.0", "id": "7", "source": "//lab", "type": "penguin.seen"}
        body = json.dumps({**event, "data_base64": base64.b64encode(ROW).decode()}).encode()
        assert decode({"content-type": "application/cloudevents+json"}, body).data == ROW

    def test_half_a_surrogate_pair_is_replaced(self) -> None:
        event = {"specversion": "1.0", "id": "\ud800", "source": "//lab", "type": "penguin.seen", "station": "\udfff"}
        message = decode({"content-type": "application/cloudevents+json"}, json.dumps(event).encode())
        assert (message.id, message.attributes["station"]) == ("?", "?")

    @pytest.mark.parametrize(
        "data",
        [
            ROW[:-1] + b', "sex": "female"}',
            b'{ "bill_length_mm" :' + b"1" * 5_000 + b"}",
            b'"\\ud800 \xc3\xa9"',
            b"[1,\n2]",
        ],
    )
    def test_structured_data_is_taken_as_it_was_sent_and_not_as_a_parser_repeats_it(self, data: bytes) -> None:
        event = b'{"specversion": "1.0", "id": "7", "data" :\n%b , "source": "//lab","type":"penguin.seen"} \n'
        assert decode({"content-type": "application/cloudevents+json"}, event % data) == decode(BINARY, data)

    def test_the_two_modes_spell_attributes_the_same_way(self) -> None:
        headers = {**BINARY, "ce-id": "caf%C3%A9%20%22a%22", "ce-station": "5", "ce-dry": "true"}
        event: dict[str, Any] = {"specversion": "1.0", "id": 'caf\u00e9 "a"', "source": "//lab", "type": "penguin.seen"}
        event |= {"station": 5, "dry": True}
        structured = decode({"content-type": "application/cloudevents+json"}, json.dumps(event).encode())
        assert structured == decode(headers, b"")
        assert structured.attributes == {"station": "5", "dry": "true"}


class TestWhatCouldNotBePublished:
    """A result or reject must always be possible, or the message would be redelivered for ever."""

    def test_half_a_surrogate_pair_in_a_push_is_replaced(self) -> None:
        odd = b'{"message": {"messageId": "\\ud800", "orderingKey": "\\ud800", "attributes": {"\\ud800": "\\ud800"}}}'
        message = decode({"content-type": "application/json"}, odd)
        assert (message.id, message.ordering_key, message.attributes) == ("?", "?", {"?": "?"})
        stored = decode(STORAGE, b'{"bucket": "b", "name": "\\ud800.csv", "generation": "17"}')
        assert stored.attributes["objectId"] == "?.csv"

    @pytest.mark.parametrize("time", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
    def test_a_time_without_a_counterpart_in_utc_is_none(self, time: str) -> None:
        assert decode({**BINARY, "ce-time": time}, ROW).publish_time is None
        push = push_document()
        push["message"]["publishTime"] = time
        with pytest.raises(NotAnEvent):
            decode(*raw_push(push))

    def test_a_key_that_is_too_long_for_pubsub_is_a_defect(self) -> None:
        good = decode({**BINARY, "ce-partitionkey": "x" * 1_024}, ROW)
        bad = decode({**BINARY, "ce-partitionkey": "x" * 1_025}, ROW)
        assert (len(good.ordering_key), good.defect) == (1_024, None)
        assert (bad.ordering_key, bad.data) == ("", ROW)
        assert bad.defect is not None
        assert decode(*raw_push(push_document(ordering_key="\u00e9" * 513))).defect is not None

    def test_as_many_attributes_as_pubsub_takes_are_taken_and_no_more_than_a_reject_has_room_for(self) -> None:
        most = {f"{number:0256}": "\0" * 1_024 for number in range(100)}
        assert decode(*raw_push(push_document(attributes=most))).attributes == most
        with pytest.raises(NotAnEvent, match="bytes"):
            decode(*raw_push(push_document(attributes={"a": "x" * 200_000})))


class TestPubSubEventsWithOddData:
    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"message": 1}', ROW])
    def test_data_that_is_no_push_is_a_defect(self, body: bytes) -> None:
        headers, _ = binary_event(push_document())
        message = decode(headers, body)
        assert message.defect is not None
        assert (message.id, message.data) == ("1", body)

    def test_no_data_at_all_is_an_empty_message(self) -> None:
        headers, _ = binary_event(push_document())
        assert (decode(headers, b"").data, decode(headers, b"").defect) == (b"", None)


STORAGE = {**BINARY, "ce-type": "google.cloud.storage.object.v1.finalized", "content-type": "application/json"}


class TestStorageEvents:
    def test_an_object_event_reads_as_the_notification_that_pubsub_would_bring(self) -> None:
        message = decode(STORAGE, b'{"bucket": "b", "name": "birds.csv", "generation": "17", "size": "1"}')
        assert {key: message.attributes[key] for key in ("eventType", "bucketId", "objectId", "objectGeneration")} == {
            "eventType": "OBJECT_FINALIZE",
            "bucketId": "b",
            "objectId": "birds.csv",
            "objectGeneration": "17",
        }

    def test_one_without_an_object_is_a_defect(self) -> None:
        assert decode(STORAGE, b'{"bucket": "b"}').defect is not None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "application/json"}, b""),
        ({"content-type": "application/json"}, b"{"),
        ({"content-type": "application/json"}, b"[]"),
        ({"content-type": "application/json"}, ROW),
        ({"content-type": "application/json"}, b'{"message": {"attributes": {"a": 1}}}'),
        ({"content-type": "application/json"}, b'{"message": {"publishTime": "yesterday"}}'),
        ({"content-type": "text/plain"}, b"hello"),
        ({"ce-specversion": "1.0"}, ROW),
        ({"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s"}, ROW),
        ({**BINARY, "ce-specversion": "9.9"}, ROW),
        ({**BINARY, "ce-id": ""}, ROW),
        ({"content-type": "application/cloudevents+json"}, b""),
        ({"content-type": "application/cloudevents+json"}, b"{"),
        ({"content-type": "application/cloudevents+json"}, b"\xff"),
        ({"content-type": "application/cloudevents+json"}, b"[" * 100_000),
        ({"content-type": "application/cloudevents+json"}, b"[1]"),
        ({"content-type": "application/cloudevents+json"}, b"{}"),
        ({"content-type": "application/cloudevents+json"}, b'{1: "specversion"}'),
        ({"content-type": "application/cloudevents+json"}, b'{"specversion" "1.0"}'),
        (
            {"content-type": "application/cloudevents+json"},
            b'{"specversion": "1.0", "id": "1", "source": "s", "type": "t"} {}',
        ),
        ({"content-type": "application/cloudevents+json"}, b'{"specversion": ["1.0"]}'),
        ({"content-type": "application/cloudevents+json"}, b'{"specversion": "1.0", "id": "1"}'),
        (
            {"content-type": "application/cloudevents+json"},
            b'{"specversion": "1.0", "id": 1, "source": "s", "type": "t"}',
        ),
        (
            {"content-type": "application/cloudevents+json"},
            b'{"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data_base64": 5}',
        ),
        ({"content-type": "application/cloudevents-batch+json"}, b"[]"),
    ],
)
def test_a_request_without_an_event_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(NotAnEvent):
        decode(headers, body)
