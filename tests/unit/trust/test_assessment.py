"""What an assessment says of typical and of odd birds, and hints for refused ones."""

import pytest

from predictor.decoding import validate
from predictor.errors import HintedViolation, InvalidInput
from predictor.penguin import EXAMPLES, SPECIES
from predictor.prediction import Assessment
from predictor.trust.assessment import Assessor
from predictor.trust.reference import Reference

ADELIE = (39.1, 18.7, 181.0, 3750.0)
CHINSTRAP = (46.5, 17.9, 192.0, 3500.0)
CERTAIN = (1.0, 0.0, 0.0)


def assess(
    assessor: Assessor,
    measurements: tuple[float, ...] = ADELIE,
    categories: tuple[str, ...] = ("male", "Torgersen"),
    probabilities: tuple[float, ...] = CERTAIN,
    coverage: float | None = None,
) -> Assessment:
    return assessor.assess(measurements, categories, probabilities, coverage)


def codes(assessment: Assessment) -> list[tuple[str, str]]:
    return [(warning.code, warning.pointer) for warning in assessment.warnings]


def test_a_typical_bird(assessor: Assessor) -> None:
    found = assess(assessor)
    assert found.in_distribution
    assert found.p_value > 0.3
    assert (found.prediction_set, found.coverage) == (("Adelie",), 0.95)
    assert not found.abstain
    assert found.warnings == ()


def test_a_bird_unlike_all_others_names_what_stands_out(assessor: Assessor) -> None:
    found = assess(assessor, (39.1, 18.7, 181.0, 12_000.0))
    assert (found.in_distribution, found.abstain) == (False, True)
    assert codes(found) == [("unlike_training_data", "/body_mass_g")]
    assert found.warnings[0].message.endswith("body_mass_g stands out most.")


def test_a_species_where_it_was_never_seen(assessor: Assessor) -> None:
    found = assess(assessor, CHINSTRAP, ("female", "Biscoe"), (0.0, 1.0, 0.0))
    assert (found.in_distribution, found.abstain) == (False, True)
    assert found.p_value > 0.9
    assert codes(found) == [("unseen_combination", "/island")]
    assert assess(assessor, CHINSTRAP, ("female", "Dream"), (0.0, 1.0, 0.0)).warnings == ()


def test_an_exchange_that_the_ranges_let_through(assessor: Assessor) -> None:
    found = assess(assessor, (20.8, 50.0, 201.0, 4050.0), ("male", "Dream"), (0.0, 1.0, 0.0))
    assert codes(found)[1:] == [("unit_slip", "/bill_length_mm"), ("unit_slip", "/bill_depth_mm")]
    assert found.warnings[1].message == "Fits if it was exchanged with bill_depth_mm."


def test_an_unsure_answer(assessor: Assessor) -> None:
    found = assess(assessor, probabilities=(0.85, 0.15, 0.0))
    assert found.in_distribution
    assert found.abstain
    assert codes(found) == [("low_confidence", "")]
    assert "below 0.9" in found.warnings[0].message


@pytest.mark.parametrize(("coverage", "members"), [(0.8, 1), (0.995, 2)])
def test_a_larger_coverage_asks_for_larger_sets(assessor: Assessor, coverage: float, members: int) -> None:
    probabilities = (0.6, 0.4, 0.0)
    found = assess(assessor, probabilities=probabilities, coverage=coverage)
    assert found.coverage == coverage
    assert found.prediction_set == SPECIES[:members]


def test_several_members_are_a_reason_to_abstain(reference: Reference) -> None:
    assert reference.sets is not None
    sets = reference.sets.model_copy(update={"scores": (0.01, *reference.sets.scores[1:])})
    careful = Assessor(reference.model_copy(update={"sets": sets}), SPECIES)
    found = assess(careful, probabilities=(0.98, 0.02, 0.0), coverage=0.995)
    assert found.prediction_set == ("Adelie", "Chinstrap")
    assert found.abstain
    assert codes(found) == [("low_confidence", "")]
    assert not assess(careful, probabilities=(0.995, 0.005, 0.0), coverage=0.995).abstain


def test_the_most_probable_class_is_always_in_the_set(assessor: Assessor) -> None:
    assert assess(assessor, probabilities=(0.4, 0.3, 0.3), coverage=0.5).prediction_set == ("Adelie",)


def test_without_sets_the_rest_stays(without_sets: Reference) -> None:
    found = assess(Assessor(without_sets, SPECIES))
    assert (found.prediction_set, found.coverage) == (None, None)
    assert (found.in_distribution, found.abstain) == (True, False)
    assert assess(Assessor(without_sets, SPECIES), probabilities=(0.85, 0.15, 0.0)).abstain


def refuse(**changed: object) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        validate({**EXAMPLES[0], **changed})
    return caught.value


def test_a_refused_value_gets_a_hint(assessor: Assessor) -> None:
    error = assessor.with_hints(refuse(body_mass_g=3.75, bill_length_mm=3.91))
    assert [violation.pointer for violation in error.violations] == ["/bill_length_mm", "/body_mass_g"]
    hints = [violation.hint for violation in error.violations if isinstance(violation, HintedViolation)]
    assert hints == ["Fits if it was measured in centimetres.", "Fits if it was measured in kilograms."]
    assert str(error) == "The input has 2 violations."


def test_a_hint_also_speaks_of_values_that_are_in_range(assessor: Assessor) -> None:
    (violation,) = assessor.with_hints(refuse(bill_length_mm=18.7, bill_depth_mm=39.1)).violations
    assert isinstance(violation, HintedViolation)
    assert violation.hint == (
        "Fits if it was exchanged with bill_depth_mm. Also, bill_depth_mm fits if it was exchanged with bill_length_mm."
    )


@pytest.mark.parametrize(
    "changed",
    [{"sex": "M"}, {"body_mass_g": "heavy"}, {"body_mass_g": 3.75, "sex": "M"}, {"body_mass_g": 60_000}],
    ids=["category", "type", "slip and category", "nothing fits"],
)
def test_other_errors_get_none(assessor: Assessor, changed: dict[str, object]) -> None:
    error = refuse(**changed)
    assert assessor.with_hints(error) is error
