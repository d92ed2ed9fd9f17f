"""The fast path of batches accepts what the slow path finds valid, and reads it as the slow path does."""

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.batch import PenguinColumns
from predictor.batch_decoding import decode_valid_batch
from predictor.decoding import decode
from predictor.errors import PredictorError
from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, FEATURES, RANGES
from tests.support.bundles import EXAMPLE, random_penguins

MOST = 4


def read_slowly(body: bytes) -> PenguinColumns | None:
    """What a batch says in which every row is valid; None for all other bodies."""
    try:
        rows = decode(body, max_instances=MOST)
    except PredictorError:
        return None
    penguins = [row for row in rows if isinstance(row, Penguin)] if isinstance(rows, list) else []
    return PenguinColumns.of(penguins) if isinstance(rows, list) and 0 < len(penguins) == len(rows) else None


def read_fast(body: bytes, max_instances: int = MOST) -> PenguinColumns | None:
    batch = decode_valid_batch(body, max_instances)
    assert batch is None or not batch.errors
    return None if batch is None else batch.columns


def same(one: PenguinColumns | None, other: PenguinColumns | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one.measurements, other.measurements) and np.array_equal(one.combinations, other.combinations)


_field = {
    **{name: st.one_of(st.floats(low, high), st.integers(int(low), int(high))) for name, (low, high) in RANGES.items()},
    **{name: st.sampled_from(values) for name, values in CATEGORIES.items()},
}
_good = st.fixed_dictionaries(_field).map(lambda row: list(row.items()))
_odd_value = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=3), st.just([]), st.just({}), st.just("39.1")
)
_slip = st.tuples(st.sampled_from(["replace", "drop", "add", "repeat"]), st.sampled_from(FEATURES), _odd_value)


def _with_slips(row: list[tuple[str, Any]], slips: list[tuple[str, str, Any]]) -> str:
    """The row as JSON text, with its slips, repeated keys included."""
    pairs = list(row)
    for kind, name, value in slips:
        if kind == "replace":
            pairs = [(key, value if key == name else old) for key, old in pairs]
        elif kind == "drop":
            pairs = [pair for pair in pairs if pair[0] != name]
        else:
            pairs.append((name if kind == "repeat" else f"{name}?", value))
    return "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}"


_rows = st.lists(st.builds(_with_slips, _good, st.lists(_slip, max_size=1)), max_size=MOST + 1)


@given(_rows)
def test_both_paths_accept_the_same_batches_and_read_them_alike(rows: list[str]) -> None:
    body = f'{{"instances": [{",".join(rows)}]}}'.encode()
    assert same(read_fast(body), read_slowly(body))


def test_a_batch_of_valid_rows_is_read_up_to_the_limit() -> None:
    penguins, _ = random_penguins(300, seed=1)
    body = orjson.dumps({"instances": [penguin.model_dump() for penguin in penguins]})
    assert same(read_fast(body, 300), PenguinColumns.of(penguins))
    assert decode_valid_batch(body, 299) is None


ROW = json.dumps(EXAMPLE)


def batch(*rows: str, more: str = "") -> str:
    return '{"instances": [' + ", ".join(rows) + "]" + more + "}"


@pytest.mark.parametrize(
    "body",
    [
        batch(more=f', "instances": [{ROW}]'),
        batch(ROW, more=', "more": 1'),
        f'{{"instances": {{"a": {ROW}}}}}',
        '{"instances": "::::::"}',
        '{"instances": [1, [2], "a:b:c:d:e:f"]}',
        f"[{batch(ROW)}]",
        batch(ROW)[:-1],
        batch(ROW.replace("39.1", "NaN")),
        batch(ROW.replace("39.1", "1e400")),
        batch(ROW.replace("39.1", "true")),
        batch(ROW.replace("39.1", '"39.1"')),
        batch(ROW.replace('"male"', '["male"]')),
        batch(ROW.replace('"sex"', '"a:b"').replace('"island":', '"island"')),
        batch(ROW.replace('"sex"', r'"sex": "male", "s\u0065x"')),
    ],
)
def test_a_body_with_anything_invalid_is_left_to_the_slow_path(body: str) -> None:
    assert decode_valid_batch(body.encode(), MOST) is None
    assert read_slowly(body.encode()) is None


def test_an_escaped_spelling_of_a_field_is_that_field() -> None:
    body = batch(ROW.replace('"sex"', r'"s\u0065x"')).encode()
    assert same(read_fast(body), read_slowly(body))
    assert decode_valid_batch(body, MOST) is not None
