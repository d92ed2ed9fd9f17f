"""Slips of unit, decimal point and field are found; what fits as it stands, or nowhere, has none."""

import pytest

from predictor.penguin import EXAMPLES, Penguin
from predictor.schema import MEASUREMENTS, UNITS, categories_of, measurements_of
from predictor.trust.distance import Distance
from predictor.trust.reference import Reference
from predictor.trust.unit_slips import UnitSlips, fits_if

BIRD = Penguin(**EXAMPLES[0])
MEASURED = dict(zip(MEASUREMENTS, measurements_of(BIRD), strict=True))
CENTIMETRES = "it was measured in centimetres"


@pytest.fixture(scope="module")
def slips(reference: Reference) -> UnitSlips:
    return UnitSlips(reference, Distance(reference))


def conditions(slips: UnitSlips, **changed: float) -> dict[str, str] | None:
    slip = slips.find(tuple({**MEASURED, **changed}.values()), categories_of(BIRD))
    if slip is None:
        return None
    assert slip.measurements == pytest.approx(tuple(MEASURED.values()), rel=0.03)
    return slip.conditions


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"bill_length_mm": 3.91}, CENTIMETRES),
        ({"bill_depth_mm": 0.0187}, "it was measured in metres"),
        ({"flipper_length_mm": 7.13}, "it was measured in inches"),
        ({"body_mass_g": 3.75}, "it was measured in kilograms"),
        ({"body_mass_g": 8.3}, "it was measured in pounds"),
        ({"body_mass_g": 132.0}, "it was measured in ounces"),
        ({"body_mass_g": 375.0}, "its decimal point is one place too far to the left"),
        ({"bill_length_mm": 391.0}, "its decimal point is one place too far to the right"),
        ({"bill_length_mm": 3910.0}, "its decimal point is two places too far to the right"),
    ],
    ids=["cm", "m", "in", "kg", "lb", "oz", "tenth", "tenfold", "hundredfold"],
)
def test_one_field(slips: UnitSlips, changed: dict[str, float], expected: str) -> None:
    assert conditions(slips, **changed) == dict.fromkeys(changed, expected)


def test_all_lengths_in_one_unit(slips: UnitSlips) -> None:
    lengths = {name: value / 10 for name, value in MEASURED.items() if UNITS[name] == "mm"}
    assert conditions(slips, **lengths) == dict.fromkeys(lengths, CENTIMETRES)


def test_exchanged_fields(slips: UnitSlips) -> None:
    found = conditions(slips, bill_length_mm=18.7, bill_depth_mm=39.1)
    assert found == {
        "bill_length_mm": "it was exchanged with bill_depth_mm",
        "bill_depth_mm": "it was exchanged with bill_length_mm",
    }


def test_exchanged_fields_in_another_unit(slips: UnitSlips) -> None:
    found = conditions(slips, bill_length_mm=1.87, bill_depth_mm=3.91, body_mass_g=3.75)
    assert found is not None
    assert found["bill_length_mm"] == f"it was exchanged with bill_depth_mm and {CENTIMETRES}"
    assert found["body_mass_g"] == "it was measured in kilograms"


@pytest.mark.parametrize(
    "changed",
    [{}, {"body_mass_g": 12_000.0}, {"bill_length_mm": 80.0, "flipper_length_mm": 340.0}],
    ids=["fits as it stands", "too heavy", "an emperor"],
)
def test_where_nothing_helps_there_is_none(slips: UnitSlips, changed: dict[str, float]) -> None:
    assert conditions(slips, **changed) is None


def test_the_sentence_names_no_value() -> None:
    assert fits_if(CENTIMETRES) == "Fits if it was measured in centimetres."
