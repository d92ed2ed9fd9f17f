import pytest
from pydantic import ValidationError

from predictor.penguin import EXAMPLES, SPECIES, Penguin
from predictor.schema import EXAMPLE, FEATURES, RANGES


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_documented_example_is_a_valid_penguin(example: dict[str, object]) -> None:
    assert Penguin.model_validate(example).model_dump() == example
    assert tuple(example) == FEATURES


@pytest.mark.parametrize("name", RANGES)
def test_the_ends_of_a_range_are_in_it_and_what_lies_beyond_is_not(name: str) -> None:
    low, high = RANGES[name]
    for value in (low, high):
        assert getattr(Penguin.model_validate({**EXAMPLE, name: value}), name) == value
    for value in (low - 1e-9, high + 1e-9, float("nan"), float("inf")):
        with pytest.raises(ValidationError):
            Penguin.model_validate({**EXAMPLE, name: value})


@pytest.mark.parametrize("changes", [{"body_mass_g": "3750"}, {"body_mass_g": True}, {"year": 2007}, {"sex": None}])
def test_values_are_strict_and_fields_are_complete(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Penguin.model_validate({**EXAMPLE, **changes})


def test_penguins_are_values() -> None:
    one, other = Penguin.model_validate(EXAMPLE), Penguin.model_validate(EXAMPLE)
    assert one == other
    assert len({one, other}) == 1
    with pytest.raises(ValidationError):
        one.sex = "female"  # type: ignore[misc]  # It is frozen.


def test_species_are_the_classes() -> None:
    assert SPECIES == ("Adelie", "Chinstrap", "Gentoo")
