"""Data is taken out of a structured CloudEvent as it was sent, not as a parser would repeat it."""

import gc
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.errors import NotAnEvent
from predictor.events import structured
from predictor.events.structured import MAX_ATTRIBUTES, take_data_out

EVENT = b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":'
MILLION = 1000 * 1000


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


@given(st.lists(st.sampled_from([*'[]{}"\\,:a\n', "[]", '"a]"', r'"\\\"}"', '"data":', '{"data":[{},"', "é"])))
def test_block_by_block_the_result_is_the_same(pieces: list[str]) -> None:
    for body in (f'{{"data":[{"".join(pieces)}', f'{{"a":1,"data":[{"".join(pieces)}],"b":[{{}}]}}'):
        results = []
        for block_bytes in (10**9, 1, 3, 16):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(structured, "_BLOCK_BYTES", block_bytes)
                try:
                    results.append(str(take_data_out(body.encode())))
                except ValueError:
                    results.append("not JSON")
        assert len(set(results)) == 1


@pytest.mark.parametrize(
    "value",
    [
        b"[" + b"{}," * MILLION + b"1]",
        b"[" + b'"",' * MILLION + b"1]",
        b"[" + rb'"\"",' * MILLION + b"1]",
        b"[" * MILLION + b"]" * MILLION,
        b'1,"data":' * MILLION + b"1",
    ],
    ids=["objects", "strings", "escapes", "depth", "data"],
)
def test_a_million_values_take_about_as_long_as_parsing_them(value: bytes) -> None:
    gc.disable()
    try:
        started = time.thread_time()
        json.loads(b"[" + b"{}," * MILLION + b"1]")
        parsing_s = time.thread_time() - started
    finally:
        gc.enable()
    started = time.thread_time()
    try:
        assert take_data_out(EVENT + value + b"}")[1] == value
    except NotAnEvent:
        assert value.count(b'"data"') > MAX_ATTRIBUTES
    took_s = time.thread_time() - started
    print(f"{took_s:.2f} s, parsing {parsing_s:.2f} s")
    assert took_s < 4 * parsing_s
