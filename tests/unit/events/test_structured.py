"""Data is taken out of a structured CloudEvent as it was sent, not as a parser would repeat it."""

import json

import pytest

from predictor.events.structured import take_data_out


@pytest.mark.parametrize(
    "data",
    [
        '{"a": 1, "a": 2}',
        '{ "n" :' + "1" * 5_000 + "}",
        '"\\ud800 é"',
        '"a string with , and } and \\" in it"',
        "[1,\n2]",
        "null",
        "1.50",
    ],
)
@pytest.mark.parametrize("event", ['{"data":%s,"id":"7"}', '{"id":"7","data" :\n%s }', ' {"id" : "7", "data":%s} \n'])
def test_the_text_of_the_data_is_kept_whatever_stands_around_it(event: str, data: str) -> None:
    rest, taken = take_data_out((event % data).encode())
    assert taken == data.encode()
    assert json.loads(rest) == {"id": "7"}


def test_an_event_without_data_is_left_whole() -> None:
    rest, taken = take_data_out(b'{"id": "7", "data_base64": "e30="}')
    assert taken is None
    assert json.loads(rest) == {"id": "7", "data_base64": "e30="}


def test_only_the_outermost_data_is_taken() -> None:
    rest, taken = take_data_out(b'{"extension": {"data": 1}, "data": {"data": 2}}')
    assert (json.loads(rest), taken) == ({"extension": {"data": 1}}, b'{"data": 2}')


def test_of_two_the_last_counts_as_in_json() -> None:
    assert take_data_out(b'{"data": 1, "data": 2}')[1] == b"2"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'{"id" "7"}', b'{1: "7"}', b'{"id": "7"} {}', b'{"id": "7",}', b"\xff", b"{,}"]
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        take_data_out(body)
