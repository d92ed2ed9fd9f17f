"""What is derived from the domain, and what a domain that cannot be served is told."""

import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from predictor.penguin import EXAMPLES, Penguin
from predictor.schema import (
    CATEGORIES,
    COMBINATIONS,
    DUMMY_COLUMNS,
    EXAMPLE,
    FEATURES,
    MEASUREMENTS,
    RANGES,
    UNITS,
    categories_of,
    dummies,
    make_penguin,
    measurements_of,
)
from tests.support.other_domain import run_with_fields

PENGUIN = Penguin.model_validate(EXAMPLE)


def test_names_ranges_units_and_values_are_the_domains() -> None:
    assert MEASUREMENTS == ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
    assert (*MEASUREMENTS, "sex", "island") == FEATURES
    assert RANGES["body_mass_g"] == (500.0, 50_000.0)
    assert {name: name.rpartition("_")[2] for name in MEASUREMENTS} == UNITS
    assert CATEGORIES == {"sex": ("male", "female"), "island": ("Biscoe", "Dream", "Torgersen")}


def test_combinations_are_every_pair_of_values_once() -> None:
    assert len(COMBINATIONS) == len(set(COMBINATIONS)) == 6
    assert ("female", "Dream") in COMBINATIONS


def test_dummies_are_named_as_pandas_names_them() -> None:
    import pandas as pd

    frame = pd.DataFrame(COMBINATIONS, columns=list(CATEGORIES))
    assert set(DUMMY_COLUMNS) == set(pd.get_dummies(frame).columns)
    assert dummies(("male", "Dream")) == ("sex_male", "island_Dream")


def test_a_penguin_is_taken_apart_and_made_again() -> None:
    assert measurements_of(PENGUIN) == (39.1, 18.7, 181.0, 3750.0)
    assert categories_of(PENGUIN) == ("male", "Torgersen")
    assert make_penguin(measurements_of(PENGUIN), categories_of(PENGUIN)) == PENGUIN


def test_no_invalid_penguin_is_made() -> None:
    with pytest.raises(ValidationError):
        make_penguin((1.0, *measurements_of(PENGUIN)[1:]), categories_of(PENGUIN))
    with pytest.raises(ValueError, match="argument"):
        make_penguin(measurements_of(PENGUIN)[1:], categories_of(PENGUIN))


def test_the_example_is_the_first_one() -> None:
    assert EXAMPLE is EXAMPLES[0]


def derived(fields: list[str], expression: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """What `expression` is with other fields."""
    return run_with_fields(fields, f"from predictor import schema; print({expression})", folder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (["score: Annotated[float, Field(ge=0)]"], "score is a number without le=; give it a range"),
        (["score: float"], "score is a number without ge=; give it a range"),
        (["score: Score", "count: int"], "count is neither a float nor a Literal of strings"),
        (["score: Score", "name: str"], "name is neither a float nor a Literal of strings"),
        (["score: Score", "level: Literal[1, 2]"], "level is neither a float nor a Literal of strings"),
        (["score: Score", "kind: Literal['a', 'NA']"], "kind cannot be 'NA', which a CSV file cannot express"),
        (["score: Score", "kind: Literal['a', ' b']"], "kind cannot be ' b', which a CSV file cannot express"),
        (["score: Score | None"], "no field is a float; a model needs at least one number"),
        (["kind: Literal['a', 'b']"], "no field is a float; a model needs at least one number"),
    ],
)
def test_a_field_that_cannot_be_a_feature_is_a_type_error_that_names_it(
    fields: list[str], message: str, tmp_path: Path
) -> None:
    result = derived(fields, "schema.FEATURES", tmp_path)
    assert result.stderr.splitlines()[-1] == f"TypeError: predictor/penguin.py: {message}"


def test_a_domain_may_have_one_measurement_and_no_category(tmp_path: Path) -> None:
    shown = "schema.FEATURES, schema.COMBINATIONS, schema.DUMMY_COLUMNS, schema.UNITS"
    result = derived(["score: Score"], shown, tmp_path)
    assert (result.stdout, result.stderr) == ("('score',) ((),) () {'score': None}\n", "")
    taken = "schema.measurements_of(p := schema.make_penguin([0.5], ())), schema.categories_of(p)"
    assert derived(["score: Score"], taken, tmp_path).stdout == "(0.5,) ()\n"


def test_categories_may_come_before_measurements(tmp_path: Path) -> None:
    fields = ["kind: Literal['a', 'b']", "score: Score", "size: Literal['s', 'm', 'l']"]
    result = derived(fields, "schema.FEATURES, len(schema.COMBINATIONS)", tmp_path)
    assert result.stdout == "('score', 'kind', 'size') 6\n"
