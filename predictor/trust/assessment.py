"""How far an answer can be relied on: is the row like the reference rows, and which classes remain possible?

`Assessor` is made once per model. It assesses one row in pure Python; `predictor.trust.batch_assessment` assesses
columns with numpy, and takes the same warnings from here.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

from predictor.errors import HintedViolation, InvalidInput, RowFailure, Violation
from predictor.penguin import NOUN, NOUN_PLURAL
from predictor.prediction import AnswerWarning, Assessment
from predictor.schema import CATEGORIES, COMBINATIONS, MEASUREMENTS, Categories
from predictor.trust.distance import Distance
from predictor.trust.reference import Reference
from predictor.trust.unit_slips import Slip, UnitSlips, fits_if

if TYPE_CHECKING:
    from predictor.trust.batch_assessment import BatchAssessor
    from predictor.trust.explanation import Explainer

Failure = TypeVar("Failure", bound=RowFailure)


class Assessor:
    """Assesses answers of a model with these classes, in the order of its probabilities."""

    def __init__(self, reference: Reference, classes: tuple[str, ...]) -> None:
        self.reference: Final = reference
        self.classes: Final = classes
        self.distance: Final = Distance(reference)
        self.unsure_below: Final = reference.unsure_below
        self._slips = UnitSlips(reference, self.distance)
        self._unseen = _unseen(reference)
        message = f"The most probable class has a probability below {self.unsure_below:g}."
        self._improbable = AnswerWarning("low_confidence", "", message)
        self._usual: tuple[float | None, float | None] = (None, None)
        if reference.sets is not None:
            self._usual = reference.sets.smallest_probability(reference.coverage), reference.coverage
        self._explainer: Explainer | None = None
        self._certain: dict[str, tuple[str, ...]] = {name: (name,) for name in classes}

    @cached_property
    def for_batches(self) -> "BatchAssessor":
        """The same for many rows; imports numpy."""
        from predictor.trust.batch_assessment import BatchAssessor

        return BatchAssessor(self)

    def explainer(self, *, whole: bool) -> "Explainer":
        """What explains answers; imports numpy. With `whole` against all birds of the reference, else a sample."""
        if self._explainer is None:
            from predictor.trust.explanation import Explainer

            self._explainer = Explainer(self.reference, self.distance, self.classes, whole=whole)
        return self._explainer

    def smallest_probability(self, coverage: float | None) -> tuple[float | None, float | None]:
        """From which probability on a class belongs to the set, and the coverage; None and None without sets.

        `coverage` None is the reference's own.
        """
        sets = self.reference.sets
        if coverage is None or sets is None:
            return self._usual
        return sets.smallest_probability(coverage), coverage

    def assess(
        self,
        measurements: Sequence[float],
        categories: Categories,
        probabilities: Sequence[float],
        coverage: float | None = None,
    ) -> Assessment:
        """Of one row. `coverage` is at most the reference's `max_coverage`."""
        distance = self.distance
        rank = distance.rank(distance.of(measurements, categories))
        highest = max(probabilities)
        label = self.classes[probabilities.index(highest)]
        known = rank < distance.known_below
        unseen = self._unseen.get((label, categories), ())
        least, coverage = self.smallest_probability(coverage)
        members: tuple[str, ...] | None = None
        several = False
        if least is not None:
            members = self._certain[label]
            if 1 - highest >= least * (1 - 1e-6):  # Otherwise nothing is left for another class.
                members = self.members(probabilities, least, label)
                several = len(members) > 1
        unsure = several or highest < self.unsure_below
        warnings: tuple[AnswerWarning, ...] = ()
        if not known or unseen or unsure:
            unusual = None if known else distance.most_unusual(measurements, categories)
            warnings = self.warnings(measurements, categories, label, unusual, highest=highest, several=several)
        in_distribution = known and not unseen
        return Assessment(
            in_distribution, distance.p_values[rank], members, coverage, unsure or not in_distribution, warnings
        )

    def members(self, probabilities: Sequence[float], least: float, label: str) -> tuple[str, ...]:
        """The prediction set, in the model's order: always with the most probable class."""
        named = zip(self.classes, probabilities, strict=True)
        return tuple([name for name, probability in named if probability >= least or name == label])

    def unseen(self, label: str, categories: Categories) -> tuple[AnswerWarning, ...]:
        """A warning for each category of the row that no reference row of this class has."""
        return self._unseen.get((label, categories), ())

    def warnings(
        self,
        measurements: Sequence[float],
        categories: Categories,
        label: str,
        unusual: str | None,
        *,
        highest: float,
        several: bool,
    ) -> tuple[AnswerWarning, ...]:
        """All reasons to doubt the answer `label` to a row.

        `unusual`: the measurement that stands out most; None for a row that is near enough to the reference rows.
        `several`: whether the prediction set has more than one class.
        """
        found: list[AnswerWarning] = []
        if unusual is not None:
            found.append(_UNLIKE[unusual])
            if (slip := self._slips.find(measurements, categories)) is not None:
                found += [
                    AnswerWarning("unit_slip", f"/{given}", fits_if(condition))
                    for given, condition in slip.conditions.items()
                ]
        found += self.unseen(label, categories)
        if highest < self.unsure_below:
            found.append(self._improbable)
        elif several:
            found.append(_SEVERAL)
        return tuple(found)

    def with_hints(self, error: Failure) -> Failure:
        """The error with a hint at each value that would fit in another unit, or exchanged; itself if none would."""
        if not isinstance(error, InvalidInput) or error.refused is None:
            return error
        slip = self._slips.find(*error.refused)
        if slip is None:
            return error
        violations = _hinted(error.violations, slip)
        return type(error)(violations, error.count)


_UNLIKE: Final = {
    name: AnswerWarning(
        "unlike_training_data",
        f"/{name}",
        f"The measurements are unlike those of the reference {NOUN_PLURAL}; {name} stands out most.",
    )
    for name in MEASUREMENTS
}
_SEVERAL: Final = AnswerWarning("low_confidence", "", "More than one class remains possible at this coverage.")


def _unseen(reference: Reference) -> dict[tuple[str, Categories], tuple[AnswerWarning, ...]]:
    found: dict[tuple[str, Categories], tuple[AnswerWarning, ...]] = {}
    for combination in COMBINATIONS:
        own = dict(zip(CATEGORIES, combination, strict=True))
        for item in reference.unseen:
            if own[item.category] == item.value:
                message = f"No reference {NOUN} is a {item.label} with the {item.category} {item.value}."
                warning = AnswerWarning("unseen_combination", f"/{item.category}", message)
                found[item.label, combination] = (*found.get((item.label, combination), ()), warning)
    return found


def _hinted(violations: Sequence[Violation], slip: Slip) -> list[Violation]:
    """The violations with the slip's hints. What it says of values that are no violation follows the first hint."""
    pointers = {violation.pointer for violation in violations}
    others = [f"{name} fits if {text}" for name, text in slip.conditions.items() if f"/{name}" not in pointers]
    hinted: list[Violation] = []
    for violation in violations:
        condition = slip.conditions.get(violation.pointer.removeprefix("/"))
        if condition is None:
            hinted.append(violation)
            continue
        hint = " ".join([fits_if(condition), *(f"Also, {other}." for other in others)])
        others = []
        hinted.append(HintedViolation(violation.pointer, violation.code, violation.message, hint))
    return hinted
