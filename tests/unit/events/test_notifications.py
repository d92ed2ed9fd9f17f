"""Messages about a Cloud Storage object: which they are, and which of them there is something to score for."""

import pytest

from predictor.events.message import Message
from predictor.events.notifications import CREATED, SCORED_SUFFIX, Notification, format_of, notification_in

ATTRIBUTES = {"eventType": CREATED, "bucketId": "birds-in", "objectId": "birds.csv", "objectGeneration": "17"}


def notification(name: str = "birds.csv", *, event_type: str = CREATED, bucket: str = "birds-in") -> Notification:
    return Notification(event_type, bucket, name, "17")


def test_the_format_is_in_the_name() -> None:
    names = ("a.csv", "a.ndjson", "a.json", "csv", "a.csv.gz", "a.ndjson.gz", "a.gz", "birds.csv" + SCORED_SUFFIX)
    assert [format_of(name) for name in names] == ["csv", "ndjson", None, None, "csv", "ndjson", None, None]


def test_a_notification_is_read_from_the_attributes() -> None:
    assert notification_in(Message("1", "//source", b"{}", ATTRIBUTES)) == notification()


def test_a_generation_may_be_missing() -> None:
    attributes = {name: value for name, value in ATTRIBUTES.items() if name != "objectGeneration"}
    found = notification_in(Message("1", "//source", b"{}", attributes))
    assert found is not None
    assert (found.generation, found.generation_number) == (None, None)


@pytest.mark.parametrize("missing", ["eventType", "bucketId", "objectId"])
def test_without_one_of_the_attributes_it_is_a_message_of_rows(missing: str) -> None:
    attributes = {name: value for name, value in ATTRIBUTES.items() if name != missing}
    assert notification_in(Message("1", "//source", b"{}", attributes)) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("17", 17),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
        ("9" * 30, None),
        ("", None),
        ("newest", None),
        ("-1", None),
        ("1_7", None),
        ("\u0661\u0667", None),  # int() would read these digits.
    ],
)
def test_a_generation_is_a_positive_64_bit_number(text: str, number: int | None) -> None:
    assert Notification(CREATED, "birds-in", "birds.csv", text).generation_number == number


@pytest.mark.parametrize(
    ("bucket", "name", "possible"),
    [
        ("birds-in", "birds.csv", True),
        ("birds-in", "é" * 512, True),
        ("birds-in", "é" * 513, False),
        ("birds-in", "a\nb.csv", False),
        ("Birds", "birds.csv", False),
        ("a/b", "birds.csv", False),
        ("", "birds.csv", False),
    ],
)
def test_names_that_no_object_can_have_are_known(bucket: str, name: str, possible: bool) -> None:
    assert notification(name, bucket=bucket).names_an_object is possible


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (notification(), None),
        (notification("birds.ndjson"), None),
        (notification(event_type="OBJECT_DELETE"), "event_type"),
        (notification("birds.csv" + SCORED_SUFFIX), "is_a_result"),
        (notification("photo.jpg"), "file_type"),
    ],
)
def test_irrelevant_notifications_say_why(given: Notification, reason: str | None) -> None:
    assert given.ignored_because == reason
