import pytest

from predictor.artifacts import InputColumn
from predictor.batch import PenguinColumns
from predictor.errors import PublishRefused
from predictor.penguin import EXAMPLES, Penguin
from predictor.publishing.input_columns import canonical_name, find_input, input_frame, spelled_values
from predictor.schema import CATEGORIES, DUMMY_COLUMNS, FEATURES, MEASUREMENTS


def test_one_hot_columns_are_found_whatever_their_style() -> None:
    for style in (str, str.upper, str.title):
        names = [*MEASUREMENTS, *map(style, DUMMY_COLUMNS)]
        columns = find_input(names, ())
        assert [column.name for column in columns] == names
        assert [canonical_name(column) for column in columns] == [*MEASUREMENTS, *DUMMY_COLUMNS]


def test_some_of_the_columns_are_enough_in_any_order() -> None:
    columns = find_input(["sex_male", "bill_depth_mm"], ())
    assert columns == (
        InputColumn(name="sex_male", feature="sex", value="male"),
        InputColumn(name="bill_depth_mm", feature="bill_depth_mm"),
    )


def test_raw_columns_take_their_values_in_the_encoders_style() -> None:
    columns = {column.name: column for column in find_input(list(FEATURES), ["Male", "Female", *CATEGORIES["island"]])}
    assert columns["sex"].values == {"male": "Male", "female": "Female"}
    assert spelled_values(columns["sex"]) == ["Male", "Female"]
    assert columns["island"].values is None


def test_values_that_no_style_gives_are_refused() -> None:
    with pytest.raises(PublishRefused, match="knows the values f, m; a penguin's sex is one of male, female"):
        find_input(["sex"], ["f", "m"])


@pytest.mark.parametrize(
    ("name", "hint"),
    [("bill_lenght_mm", "did you mean 'bill_length_mm'"), ("sex_man", "did you mean 'sex_male'"), ("x", "known are")],
)
def test_an_unknown_column_is_refused_with_a_suggestion(name: str, hint: str) -> None:
    with pytest.raises(PublishRefused, match=hint):
        find_input([name], ())


def test_a_repeated_column_is_refused() -> None:
    with pytest.raises(PublishRefused, match="name 'sex' twice"):
        find_input(["sex", "sex"], ())


def test_the_frame_holds_what_the_estimator_was_fitted_on() -> None:
    columns = find_input(["island", "sex_MALE", "body_mass_g"], ["BISCOE", "DREAM", "TORGERSEN"])
    penguins = PenguinColumns.of([Penguin(**example) for example in EXAMPLES])
    assert input_frame(columns, penguins) == [["TORGERSEN", "DREAM"], [1.0, 0.0], [3750.0, 3500.0]]
