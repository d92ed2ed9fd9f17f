from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.units import converted, factors_to, units_like


@pytest.mark.parametrize(
    ("number", "unit", "to", "result"),
    [
        ("3.91", "cm", "mm", 39.1),
        ("0.0391", "m", "mm", 39.1),
        ("1.5", "in", "mm", 38.1),
        ("1.5", "inches", "cm", 3.81),
        ("3.75", "kg", "g", 3750.0),
        ("8", "lb", "g", 3628.73896),
        ("8", "pounds", "g", 3628.73896),
        ("128", "oz", "g", 3628.73896),
        ("39.1", "mm", "mm", 39.1),
        ("3628.73896", "g", "lb", 8.0),
        ("7", "%", "%", 7.0),
    ],
)
def test_a_value_is_the_same_whatever_its_unit(number: str, unit: str, to: str, result: float) -> None:
    assert converted(number, factors_to(to)[unit]) == result


@given(st.decimals(0, 50_000, places=3), st.sampled_from([("cm", 1), ("m", 3)]))
def test_a_length_in_another_unit_is_exactly_the_one_in_millimetres(value: Decimal, unit: tuple[str, int]) -> None:
    name, places = unit
    assert converted(str(value.scaleb(-places)), factors_to("mm")[name]) == float(value)


@pytest.mark.parametrize(("number", "result"), [("1e999", float("inf")), ("1e-999", 0.0), ("-0", 0.0)])
def test_extreme_numbers_are_what_float_makes_of_them(number: str, result: float) -> None:
    assert converted(number, Decimal(10)) == result


def test_only_units_of_the_same_kind_are_converted() -> None:
    assert units_like("mm") == ("mm", "cm", "m", "in")
    assert units_like("kg") == ("g", "kg", "lb", "oz")
    assert units_like("°C") == ("°C",)
    assert "g" not in factors_to("mm")
    assert list(factors_to("°C")) == ["°C"]
