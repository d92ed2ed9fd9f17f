from decimal import Decimal
from pathlib import Path

import pytest

from predictor.bulk.columns import check, description, understand
from predictor.errors import UnusableFile
from predictor.schema import FEATURES
from tests.support.other_domain import run_with_fields

PALMER = ["species", "island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex", "year"]


def renamed(**names: str) -> list[str]:
    return [names.get(feature, feature) for feature in FEATURES]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "bill_length_mm",
            "BILL_LENGTH_MM",
            " Bill Length (mm) ",
            "bill.length.mm",
            "bill-length-mm",
            "Bill length [mm]",
        ),
        *("Culmen Length (mm)", "culmen_length_mm", "Culmen length, mm", "bill length / mm", "bill length in mm"),
        *("bill_length_millimetres", "Bill length (Millimeters)"),
    ],
)
def test_a_name_is_known_by_its_words(name: str) -> None:
    columns = understand(renamed(bill_length_mm=name))
    check(columns)
    assert (columns.index_of["bill_length_mm"], dict(columns.factors)) == (0, {})


@pytest.mark.parametrize(
    ("feature", "name", "factor"),
    [
        ("bill_length_mm", "bill_length_cm", "10"),
        ("bill_length_mm", "Culmen Length (m)", "1000"),
        ("flipper_length_mm", "Flipper Length (in)", "25.4"),
        ("flipper_length_mm", "flipper length in inches", "25.4"),
        ("body_mass_g", "body_mass_kg", "1000"),
        ("body_mass_g", "Body Mass (lb)", "453.59237"),
        ("body_mass_g", "body mass (oz)", "28.349523125"),
    ],
)
def test_another_unit_is_converted_and_that_is_said(feature: str, name: str, factor: str) -> None:
    columns = understand(renamed(**{feature: name}))
    check(columns)
    assert columns.factors == {feature: Decimal(factor)}
    assert f"-> {feature} (x {factor})" in description(columns)


@pytest.mark.parametrize(
    ("feature", "name"),
    [
        *(("bill_length_mm", name) for name in ("bill_length", "bill_length_ft", "Bill Length (px)", "bill_length_g")),
        *(("bill_length_mm", name) for name in ("bill_length_mm_cm", "culmen length (µm)", "bill_length_mm2")),
        *(("body_mass_g", name) for name in ("Body Mass", "body_mass_mg", "body_mass_stone", "body_mass_mm")),
    ],
)
def test_a_unit_that_is_missing_or_unknown_is_refused_and_never_guessed(feature: str, name: str) -> None:
    columns = understand(renamed(**{feature: name}))
    assert feature not in columns.index_of
    with pytest.raises(UnusableFile) as caught:
        check(columns)
    assert f"the header lacks {feature}; {name!r} names no unit that is known; call it {feature}" in str(caught.value)


def test_a_column_that_only_looks_like_a_feature_is_ignored_where_the_feature_is_there() -> None:
    columns = understand([*FEATURES, "bill_length_mm_sd", "bill_length_ft"])
    check(columns)
    assert columns.others == ["bill_length_mm_sd", "bill_length_ft"]


@pytest.mark.parametrize(
    ("wrong", "right"), [("bill_lenght_mm", "bill_length_mm"), ("iland", "island"), ("sexx", "sex")]
)
def test_a_name_that_is_nearly_right_is_told_with_the_right_one(wrong: str, right: str) -> None:
    with pytest.raises(UnusableFile) as caught:
        check(understand(renamed(**{right: wrong})))
    assert str(caught.value) == f"the header lacks {right}; {wrong!r} is unknown; did you mean {right}?"


def test_two_columns_of_one_feature_are_refused_also_in_two_units() -> None:
    for other in ("Sex", "bill_length_cm", "culmen_length_mm"):
        with pytest.raises(UnusableFile, match=f"more than once, as '.*', '{other}'; keep one of each"):
            check(understand([*FEATURES, other]))


def test_the_first_name_of_an_id_counts() -> None:
    assert understand(["rowid", "ID", *FEATURES]).id_index == 1
    assert understand(["RowID", *FEATURES]).id_index == 0
    assert understand(["Individual ID", *FEATURES]).id_index is None


def test_what_was_understood_is_one_line() -> None:
    assert description(understand(FEATURES)) == ""
    assert description(understand(["rowid", *PALMER])) == "id: rowid; ignored: species, year"
    many = [*FEATURES, "a\nb", *(f"x{place}" for place in range(100)), "y" * 1000]
    line = description(understand(many))
    assert line.startswith(r"ignored: 'a\nb', x0, x1")
    assert line.endswith("x18, and 82 more")


def test_a_hundred_thousand_names_are_understood_in_no_time() -> None:
    names = [f"bill_lenght_{place}" for place in range(100_000)]
    with pytest.raises(UnusableFile) as caught:
        check(understand(names))
    assert len(str(caught.value)) < 2000


_OTHER_DOMAIN = """
from predictor.bulk.columns import understand, description
for names in (["score", "kind"], ["SCORE", "Kind"], ["score_mm", "kind"], ["height (MM)", "kind", "id"]):
    columns = understand(names)
    print(dict(columns.index_of), dict(columns.factors), columns.id_index)
"""


def test_another_domain_has_its_own_names(tmp_path: Path) -> None:
    field = "height_cm: Annotated[float, Field(ge=0, le=9, json_schema_extra={'unit': 'cm'})]"
    result = run_with_fields(["score: Score", field, "kind: Literal['a']"], _OTHER_DOMAIN, tmp_path)
    assert result.stdout.splitlines() == [
        "{'score': 0, 'kind': 1} {} None",
        "{'score': 0, 'kind': 1} {} None",
        "{'kind': 1} {} None",
        "{'height_cm': 0, 'kind': 1} {'height_cm': Decimal('0.1')} 2",
    ], result.stderr
