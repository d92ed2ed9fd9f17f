import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.decoding import decode, decode_penguin, may_be_batch, parse, pointer, validate
from predictor.error_limit import MAX_VIOLATIONS
from predictor.errors import InvalidInput, MalformedJson, PredictorError
from predictor.penguin import Penguin
from predictor.schema import FEATURES, RANGES
from tests.support.bundles import EXAMPLE


def body_of(**changes: Any) -> bytes:
    return json.dumps({**EXAMPLE, **changes}).encode()


def violations_of(body: bytes) -> dict[str, str]:
    """Pointer -> code of everything that is wrong with a body."""
    with pytest.raises(InvalidInput) as caught:
        decode(body, max_instances=10)
    return {violation.pointer: violation.code for violation in caught.value.violations}


def test_a_valid_penguin_is_decoded() -> None:
    assert decode(body_of(), max_instances=1) == Penguin(**EXAMPLE)


def test_whole_numbers_are_numbers() -> None:
    assert decode(body_of(body_mass_g=3750), max_instances=1) == Penguin(**EXAMPLE)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (json.dumps({k: v for k, v in EXAMPLE.items() if k != "sex"}).encode(), "/sex", "missing"),
        (body_of(bill_length_mm="39.1"), "/bill_length_mm", "wrong_type"),
        (body_of(bill_length_mm=True), "/bill_length_mm", "wrong_type"),
        (body_of(bill_length_mm=None), "/bill_length_mm", "wrong_type"),
        (body_of(bill_length_mm=[39.1]), "/bill_length_mm", "wrong_type"),
        (body_of(bill_length_mm=float("nan")), "/bill_length_mm", "not_finite"),
        (body_of(bill_length_mm=float("-inf")), "/bill_length_mm", "not_finite"),
        (body_of().replace(b"39.1", b"1e999"), "/bill_length_mm", "not_finite"),
        (body_of().replace(b"39.1", b"1" * 5000), "/bill_length_mm", "not_finite"),
        (body_of(bill_length_mm=0.000001), "/bill_length_mm", "out_of_range"),
        (body_of(bill_length_mm=1000.0), "/bill_length_mm", "out_of_range"),
        (body_of(island="Atlantis"), "/island", "unknown_value"),
        (body_of(island="biscoe"), "/island", "unknown_value"),
        (body_of(sex=1), "/sex", "unknown_value"),
        (body_of(sex="\ud800"), "/sex", "unknown_value"),
        (body_of(age=2), "/age", "unknown_field"),
        (body_of(**{"a/b~c": 1}), "/a~1b~0c", "unknown_field"),
        (body_of().replace(b"{", b'{"sex": "female", ', 1), "/sex", "duplicate_key"),
        (body_of().replace(b"{", b'{"s\\u0065x": "male", ', 1), "/sex", "duplicate_key"),
        (b'{"instances": [], "instances": []}', "/instances", "duplicate_key"),
        (b'{"instances": 3}', "/instances", "wrong_type"),
        (b'{"instances": [], "sex": "male"}', "/sex", "unknown_field"),
        (b'{"instances": [1,2,3,4,5,6,7,8,9,10,11]}', "/instances", "too_many"),
        (b"[]", "", "wrong_type"),
        (b"null", "", "wrong_type"),
        (b'"penguin"', "", "wrong_type"),
        (b"3", "", "wrong_type"),
    ],
)
def test_each_kind_of_violation_has_its_pointer_and_code(body: bytes, pointer: str, code: str) -> None:
    assert violations_of(body)[pointer] == code


def test_all_violations_are_listed_at_once() -> None:
    assert violations_of(b'{"bill_length_mm": "x", "sex": "x", "age": 1, "age": 2}') == {
        "/bill_length_mm": "wrong_type",
        "/bill_depth_mm": "missing",
        "/flipper_length_mm": "missing",
        "/body_mass_g": "missing",
        "/sex": "unknown_value",
        "/island": "missing",
        "/age": "unknown_field",
    }


def test_no_more_than_a_hundred_violations_are_listed() -> None:
    body = json.dumps({f"field_{index}": index for index in range(500)}).encode()
    with pytest.raises(InvalidInput) as caught:
        decode(body, max_instances=1)
    assert len(caught.value.violations) == MAX_VIOLATIONS == 100


def test_what_is_missing_is_named_however_many_unknown_fields_there_are() -> None:
    violations = violations_of(json.dumps({f"field_{index}": index for index in range(500)} | {"sex": "male"}).encode())
    assert list(violations)[: len(FEATURES)] == [
        *("/bill_length_mm", "/bill_depth_mm", "/flipper_length_mm", "/body_mass_g", "/island", "/field_0")
    ]


_KEYS = ",".join(f'"{number:x}":1' for number in range(100_000))
_PEAK = """
import sys
from predictor.decoding import decode
from predictor.errors import PredictorError

def peak_mb():
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) / 1024

body, before = sys.stdin.buffer.read(), peak_mb()
try:
    decode(body, max_instances=1000)
except PredictorError:
    pass
print(peak_mb() - before)
"""


@pytest.mark.parametrize(
    "body",
    [
        '{"instances": [' + ",".join(["{}"] * 349_000) + "]}",
        '{"instances": [' + ",".join(["1"] * 500_000) + "]}",
        '{"instances": [{' + _KEYS + "}]}",
        "{" + _KEYS + "}",
        '{"instances": [], ' + _KEYS + "}",
    ],
    ids=["empty rows", "no rows", "a row with many fields", "many fields", "many fields beside instances"],
)
def test_no_body_takes_a_hundred_times_its_size_in_memory(body: str) -> None:
    """Concurrent requests like these would end an instance of 512 MiB, and every other caller's answer with it."""
    assert len(body) <= 1024 * 1024
    done = subprocess.run([sys.executable, "-c", _PEAK], input=body.encode(), capture_output=True, check=True)
    assert float(done.stdout) < 100


def test_a_long_field_name_is_shortened() -> None:
    (pointer,) = violations_of(body_of(**{"x" * 10_000: 1}))
    assert len(pointer) < 300


def test_a_lone_surrogate_in_a_field_name_can_be_answered() -> None:
    (pointer,) = violations_of(body_of().replace(b"{", b'{"\\ud800": 1, ', 1))
    pointer.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'sex': 'male'}",
        b'{"sex": "male",}',
        b'{"sex": "\xff"}',
        b"\xef\xbb\xbf" + body_of(),
        body_of().decode().encode("utf-16"),
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"undefined",
    ],
)
def test_what_is_no_json_in_utf_8_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        decode(body, max_instances=1)


def test_why_a_body_is_malformed_is_a_plain_sentence() -> None:
    with pytest.raises(MalformedJson) as caught:
        decode(b'{"sex": "ma\0le"}', max_instances=1)
    assert str(caught.value) == "This is not valid JSON: Invalid control character at line 1 column 12."


def test_a_bad_row_does_not_fail_the_others() -> None:
    rows = [EXAMPLE, {"sex": "male"}, 7, {**EXAMPLE, "sex": "female"}]
    decoded = decode(json.dumps({"instances": rows}).encode(), max_instances=4)
    assert isinstance(decoded, list)
    assert [type(row) for row in decoded] == [Penguin, InvalidInput, InvalidInput, Penguin]
    assert decoded[3] == Penguin(**{**EXAMPLE, "sex": "female"})


def test_pointers_of_a_row_are_relative_to_it() -> None:
    decoded = decode(json.dumps({"instances": [{**EXAMPLE, "sex": 1}]}).encode(), max_instances=1)
    assert isinstance(decoded, list)
    (row,) = decoded
    assert isinstance(row, InvalidInput)
    assert [violation.pointer for violation in row.violations] == ["/sex"]


def test_a_duplicate_key_fails_its_own_row_only() -> None:
    twice = body_of().replace(b"{", b'{"sex": "female", ', 1)
    decoded = decode(b'{"instances": [' + body_of() + b"," + twice + b"]}", max_instances=2)
    assert isinstance(decoded, list)
    assert [type(row) for row in decoded] == [Penguin, InvalidInput]


def test_an_empty_batch_is_a_batch() -> None:
    assert decode(b'{"instances": []}', max_instances=1) == []


def test_an_escaped_spelling_of_instances_is_understood() -> None:
    assert decode(b'{"inst\\u0061nces": [' + body_of() + b"]}", max_instances=1) == [Penguin(**EXAMPLE)]


def test_messages_say_what_is_allowed() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(body_of(body_mass_g=1, island="x"), max_instances=1)
    messages = {violation.pointer: violation.message for violation in caught.value.violations}
    assert messages["/body_mass_g"] == "Must be a number from 500 to 50000 g."
    assert messages["/island"] == "Must be one of Biscoe, Dream, Torgersen."


_values = st.one_of(
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
    st.text(max_size=5),
    st.sampled_from(["male", "female", "Biscoe", "Dream", "Torgersen", "39.1"]),
    *(st.floats(low, high) for low, high in RANGES.values()),
)
_pairs = st.lists(
    st.tuples(st.one_of(st.sampled_from([*FEATURES, "instances"]), st.text(max_size=5)), _values), max_size=9
)


def _document(pairs: list[tuple[str, Any]]) -> bytes:
    """A JSON object with its keys in order, repeated ones included."""
    return ("{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}").encode()


def _slowly(body: bytes) -> Any:
    try:
        return validate(parse(body))
    except PredictorError as error:
        return type(error)


@given(_pairs, st.booleans())
def test_the_fast_path_and_the_slow_path_give_the_same_result(pairs: list[tuple[str, Any]], complete: bool) -> None:
    if complete:
        pairs = [*EXAMPLE.items(), *pairs][: len(EXAMPLE) + len(pairs) % 2]
    pairs = [(key, value) for key, value in pairs if key != "instances"]
    body = _document(pairs)
    fast: Any
    try:
        fast = decode(body, max_instances=10)
    except PredictorError as error:
        fast = type(error)
    assert fast == _slowly(body)


@given(_pairs)
def test_no_value_of_the_callers_comes_back(pairs: list[tuple[str, Any]]) -> None:
    secret = "zq7secretvalue"
    body = _document([*pairs, ("sex", secret), ("island", secret), ("bill_length_mm", secret)])
    with pytest.raises(PredictorError) as caught:
        decode(body, max_instances=10)
    shown = str(caught.value)
    if isinstance(caught.value, InvalidInput):
        shown += "".join(violation.message + violation.pointer for violation in caught.value.violations)
    assert secret not in shown


@given(_pairs)
def test_one_penguin_is_decoded_as_a_body_of_one_is(pairs: list[tuple[str, Any]]) -> None:
    body = _document([(key, value) for key, value in pairs if key != "instances"])
    found: list[Any] = []
    for read in (decode_penguin, lambda body: decode(body, max_instances=10)):
        try:
            found.append(read(body))
        except PredictorError as error:
            found.append((str(error), getattr(error, "violations", None)))
    assert found[0] == found[1]


def test_a_batch_where_one_penguin_is_expected_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode_penguin(b'{"instances": []}')
    assert ("/instances", "unknown_field") in [(v.pointer, v.code) for v in caught.value.violations]


def test_every_valid_batch_that_spells_instances_plainly_may_be_one() -> None:
    assert may_be_batch(b'{"instances": [' + body_of() + b"]}")
    assert not may_be_batch(body_of())


def test_a_pointer_escapes_what_json_pointers_reserve() -> None:
    assert pointer("a/b~c") == "/a~1b~0c"
    assert len(pointer("/" * 10_000)) == 401
