"""Records of models that take only some of the features: every way of reading them needs the same ones."""

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.batch import Batch, PenguinColumns
from predictor.batch_decoding import decode_valid_batch
from predictor.bulk.cells import read_cells
from predictor.bulk.chunk import Layout
from predictor.bulk.csv_fast_path import read_lines
from predictor.bulk.lines import Blocks
from predictor.bulk.ndjson import Documents, read_json_lines
from predictor.bulk.table import Table
from predictor.decoding import decode, decode_valid, id_of, parse, validate
from predictor.errors import InvalidInput, PredictorError, UnusableFile
from predictor.penguin import Penguin
from predictor.record_schema import ALL_FEATURES, NO_FEATURES, RecordSchema
from predictor.schema import CATEGORIES, COMBINATIONS, FEATURES, RANGES
from tests.support.bundles import EXAMPLE

BILL = RecordSchema(("bill_length_mm", "bill_depth_mm"))
SCHEMAS = (ALL_FEATURES, BILL, RecordSchema(("body_mass_g", "island")), RecordSchema(FEATURES[1:]), NO_FEATURES)
NEEDED = {name: EXAMPLE[name] for name in BILL.features}

_values = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.sampled_from(["male", "Dream", "39.1", [], {}]),
    *(st.floats(low, high) for low, high in RANGES.values()),
)
_good = st.fixed_dictionaries(
    {
        **{name: st.floats(low, high) for name, (low, high) in RANGES.items()},
        **{name: st.sampled_from(values) for name, values in CATEGORIES.items()},
    }
)
_names = st.sampled_from([*FEATURES, "species", "id", "age"])
_rows = st.builds(
    lambda good, dropped, more: [*((name, good[name]) for name in FEATURES if name not in dropped), *more],
    _good,
    st.sets(st.sampled_from(FEATURES)),
    st.lists(st.tuples(_names, _values), max_size=2),
)


def text_of(pairs: list[tuple[str, Any]]) -> str:
    """A JSON object, repeated keys included."""
    return "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"


def read(body: str, schema: RecordSchema) -> Penguin | str:
    """By the slow path alone."""
    try:
        return validate(parse(body.encode()), schema)
    except PredictorError as error:
        return str(error)


def as_read(columns: PenguinColumns) -> list[tuple[Any, ...]]:
    pairs = zip(columns.measurements.tolist(), columns.combinations.tolist(), strict=True)
    return [(*numbers, *COMBINATIONS[combination]) for numbers, combination in pairs]


def values_of(penguin: Penguin) -> tuple[Any, ...]:
    return tuple(getattr(penguin, name) for name in FEATURES)


@given(_rows, st.sampled_from(SCHEMAS))
def test_both_paths_of_one_record_agree(pairs: list[tuple[str, Any]], schema: RecordSchema) -> None:
    body, fast = text_of(pairs), decode_valid(text_of(pairs).encode(), schema)
    slow = read(body, schema)
    if fast is not None:
        assert isinstance(slow, Penguin)
        assert values_of(fast) == values_of(slow)
    elif isinstance(slow, Penguin):  # Only ids and what is ignored are left to the slow path.
        assert {"species", "id"} & dict(pairs).keys()


@given(st.lists(_rows, min_size=1, max_size=3), st.sampled_from(SCHEMAS))
def test_both_paths_of_a_batch_agree(rows: list[list[tuple[str, Any]]], schema: RecordSchema) -> None:
    body = f'{{"instances": [{", ".join(map(text_of, rows))}]}}'.encode()
    fast = decode_valid_batch(body, 3, schema)
    if fast is not None:
        slow = decode(body, schema, max_instances=3)
        assert isinstance(slow, list)
        assert as_read(fast.columns) == [values_of(row) for row in slow if isinstance(row, Penguin)]
        assert len(fast) == len(slow)


@given(_rows)
def test_what_no_schema_takes_is_what_the_schema_without_features_refuses(pairs: list[tuple[str, Any]]) -> None:
    if isinstance(read(text_of(pairs), NO_FEATURES), str):
        assert all(isinstance(read(text_of(pairs), schema), str) for schema in SCHEMAS)


@pytest.mark.parametrize(
    "more", [{}, {"sex": None}, {"island": "Atlantis", "body_mass_g": [1]}, EXAMPLE, {**EXAMPLE, "species": "Adelie"}]
)
def test_a_feature_that_is_not_taken_may_be_missing_and_is_not_read(more: dict[str, Any]) -> None:
    body = json.dumps({**more, **NEEDED}).encode()
    penguin = decode(body, BILL, max_instances=1)
    assert isinstance(penguin, Penguin)
    assert values_of(penguin) == values_of(validate(NEEDED, BILL))
    batch = decode_valid_batch(b'{"instances": [%b, %b]}' % (body, body), 2, BILL)
    assert batch is not None
    assert as_read(batch.columns) == [values_of(validate(NEEDED, BILL))] * 2


def test_a_feature_that_is_taken_is_required_and_in_its_range() -> None:
    for document, pointer, code in (
        ({"bill_length_mm": 39.1, "sex": "male"}, "/bill_depth_mm", "missing"),
        ({**EXAMPLE, "bill_depth_mm": 1}, "/bill_depth_mm", "out_of_range"),
        ({**NEEDED, "age": 1}, "/age", "unknown_field"),
    ):
        with pytest.raises(InvalidInput) as caught:
            decode(json.dumps(document).encode(), BILL, max_instances=1)
        assert [(found.pointer, found.code) for found in caught.value.violations] == [(pointer, code)]


def test_a_key_is_given_once_even_if_it_is_not_read() -> None:
    body = text_of([*NEEDED.items(), ("sex", "male"), ("sex", "male")])
    assert decode_valid(body.encode(), BILL) is None
    with pytest.raises(InvalidInput) as caught:
        validate(parse(body.encode()), BILL)
    assert [(found.pointer, found.code) for found in caught.value.violations] == [("/sex", "duplicate_key")]


def test_an_id_comes_back_however_many_members_there_are() -> None:
    body = json.dumps({**NEEDED, "id": "a", "sex": 1, "island": 2, "body_mass_g": 3}).encode()
    assert body.count(b":") == len(FEATURES)
    assert id_of(body, BILL) == "a"


# --- files ----------------------------------------------------------------------------------------------------------

CSV = "species,Bill Depth (mm),bill_length_mm,sex,id\nAdelie,18.7,39.1,NA,1\n,18.7,39.1,,2\n,50,NA,male,3\n"


def read_csv(text: str, schema: RecordSchema) -> Batch:
    (chunk,) = Table(Blocks(BytesIO(text.encode())), schema)
    return chunk.batch


def test_a_table_needs_the_columns_that_the_model_takes() -> None:
    batch = read_csv(CSV, BILL)
    assert as_read(batch.columns) == [values_of(validate(NEEDED, BILL))] * 2
    assert (list(batch.errors), batch.ids) == ([2], ["1", "2", "3"])
    with pytest.raises(UnusableFile, match="the header lacks bill_depth_mm;"):
        read_csv(CSV.replace("(mm)", ""), BILL)


@settings(deadline=None)
@given(st.lists(_good, min_size=1, max_size=5), st.sampled_from(SCHEMAS[1:4]))
def test_a_table_is_read_as_its_rows_are(rows: list[dict[str, Any]], schema: RecordSchema) -> None:
    layout = Layout({name: place for place, name in enumerate(schema.features)}, len(schema.features), schema=schema)
    cells = [[str(row[name]) for name in schema.features] for row in rows]
    expected = [values_of(validate(row, schema)) for row in rows]
    assert as_read(read_cells(layout, cells).columns) == expected
    text = "".join(",".join(row) + "\n" for row in cells).encode()
    assert as_read(read_lines(layout, text).columns) == expected


def test_the_lines_of_a_file_need_what_the_model_takes() -> None:
    lines = [{"culmen_length_mm": 39.1, "culmen_depth_cm": 1.87}, NEEDED, {**NEEDED, "sex": "?"}, {"sex": "male"}]
    text = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    (chunk,) = Documents(Blocks(BytesIO(text)), BILL)
    assert as_read(chunk.batch.columns) == [values_of(validate(NEEDED, BILL))] * 3
    assert list(chunk.batch.errors) == [3]
    message = read_json_lines(json.dumps(NEEDED).encode() + b'\n{"bill_length_mm": 39.1}', BILL)
    assert (len(message.columns), list(message.errors)) == (1, [1])
