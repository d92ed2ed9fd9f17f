"""A record of the data set as pandas writes it is accepted: `species` and `year` are ignored, ids come back."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from predictor.batch import Batch
from predictor.batch_decoding import decode_valid_batch
from predictor.decoding import decode, decode_row, id_of
from predictor.error_limit import ErrorLimit
from predictor.errors import InvalidInput
from predictor.penguin import Penguin
from predictor.prediction import MAX_ID_CHARS, Id
from tests.support.bundles import EXAMPLE

BIRD = Penguin(**EXAMPLE)
RECORD: dict[str, Any] = {"rowid": 1, "species": "Adelie", **EXAMPLE, "year": 2007}
IDS: list[Id] = ["Löss", "", "007", "x" * MAX_ID_CHARS, 7, -7, 2**64 - 1, -(2**63), 1.5, True, None]
NO_IDS = [[1], {}, "x" * (MAX_ID_CHARS + 1), 2**64, 1e16, float("nan"), float("inf"), "\ud800"]


def careful(body: bytes) -> Batch:
    rows = decode(body, max_instances=10)
    assert not isinstance(rows, Penguin)
    return Batch.of(rows, rows.ids)


def test_the_members_of_the_data_set_are_accepted_and_ignored() -> None:
    assert decode(json.dumps(RECORD).encode(), max_instances=1) == BIRD
    odd = {**EXAMPLE, "species": {"any": ["thing"]}, "year": None}
    assert decode(json.dumps(odd).encode(), max_instances=1) == BIRD


@pytest.mark.parametrize("name", ["Species", "YEAR", "Id", "ids", "row_id", "culmen_length_mm", "comments"])
def test_any_other_member_is_unknown(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(json.dumps({**EXAMPLE, name: 1}).encode(), max_instances=1)
    assert [(v.pointer, v.code) for v in caught.value.violations] == [(f"/{name}", "unknown_field")]


def test_a_member_that_is_ignored_may_not_be_given_twice() -> None:
    body = json.dumps(RECORD).replace('"year"', '"year": 2008, "year"').encode()
    with pytest.raises(InvalidInput) as caught:
        decode(body, max_instances=1)
    assert [(v.pointer, v.code) for v in caught.value.violations] == [("/year", "duplicate_key")]


@pytest.mark.parametrize("given_id", IDS)
def test_an_id_comes_back_as_it_was_sent(given_id: Id) -> None:
    row = {"id": given_id, **EXAMPLE}
    body = json.dumps({"instances": [row, EXAMPLE]}).encode()
    assert (careful(body).ids or [None])[0] == given_id
    fast = decode_valid_batch(json.dumps({"instances": [row]}).encode(), 1)
    assert fast is not None
    assert (fast.ids or [None])[0] == given_id
    line = json.dumps(row).encode()
    assert decode_row(line, ErrorLimit.of_line(line)) == (BIRD, given_id)
    assert id_of(json.dumps(row).encode()) == given_id


@pytest.mark.parametrize("no_id", NO_IDS)
@pytest.mark.parametrize("name", ["id", "rowid"])
def test_what_cannot_come_back_as_it_is_is_an_unknown_member(no_id: Any, name: str) -> None:
    body = json.dumps({"instances": [{**EXAMPLE, name: no_id}]}).encode()
    assert decode_valid_batch(body, 1) is None
    batch = careful(body)
    error = batch.errors[0]
    assert isinstance(error, InvalidInput)
    assert [(v.pointer, v.code) for v in error.violations] == [(f"/{name}", "unknown_field")]
    assert batch.ids is None


def test_of_two_ids_the_first_name_counts() -> None:
    body = json.dumps({"instances": [{"rowid": 1, **EXAMPLE, "id": "a"}]}).encode()
    fast = decode_valid_batch(body, 1)
    assert fast is not None
    assert fast.ids == careful(body).ids == ["a"]


def test_a_bad_row_keeps_its_id() -> None:
    assert careful(json.dumps({"instances": [RECORD, {"rowid": 2}, 3]}).encode()).ids == [1, 2, None]


_extra = st.dictionaries(
    st.sampled_from(["id", "rowid", "species", "year", "other"]),
    st.one_of(st.sampled_from([*IDS, *NO_IDS]), st.integers(), st.text('a:"é', max_size=3)),
    max_size=3,
)


@given(st.lists(_extra, min_size=1, max_size=3), st.booleans())
@example([{"id": "a:b"}, {"id": "c"}], False)
def test_the_fast_path_of_batches_accepts_only_what_the_slow_path_reads_the_same(
    extras: list[dict[str, Any]], alike: bool
) -> None:
    rows = [{**EXAMPLE, **(extras[0] if alike else extra)} for extra in extras]
    body = json.dumps({"instances": rows}).encode()
    fast, slow = decode_valid_batch(body, 10), careful(body)
    if fast is not None:
        assert not slow.errors
        assert fast.ids == slow.ids
        assert fast.columns.measurements.tolist() == slow.columns.measurements.tolist()
