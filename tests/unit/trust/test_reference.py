"""`reference.json`: read back as it was written, and refused where it does not fit the domain."""

import json
import math

import pytest

from predictor.errors import UnloadableModel
from predictor.schema import CATEGORIES, MEASUREMENTS
from predictor.trust.reference import Reference, Sets


def test_it_is_read_back_as_it_was_written(reference: Reference) -> None:
    assert Reference.from_bytes(reference.to_bytes()) == reference


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"counts": {"colour": {}}}, "not those of predictor/penguin.py"),
        ({"labels": ["emperor"]}, "other classes"),
        ({"grouping": "year"}, "no category"),
        ({"threshold": 1.5}, "threshold"),
        ({"more": 1}, "more"),
        ({"precision": [[1.0]]}, "more or fewer numbers"),
        ({"precision": [[1.0] * 4] * 3}, "more or fewer numbers"),
        ({"background": [333]}, "not there"),
        ({"background": [-1]}, "not there"),
        ({"birds": [{"label": "Gentoo", "measurements": [1.0] * 4, "categories": ["male"]}]}, "other categories"),
        ({"groups": [{"label": "Adelie", "rows": 1, "means": [1.0] * 4}]}, "Chinstrap has no group"),
        ({"unseen": [{"label": "Gentoo", "category": "year", "value": "2007"}]}, "unseen combination"),
        ({"scores": [2.0, 1.0]}, "not sorted"),
        ({"sets": {"scores": [0.5] * 18, "folds": 2, "max_coverage": 0.95}}, "too few"),
    ],
)
def test_what_does_not_fit_is_refused(reference: Reference, change: dict[str, object], reason: str) -> None:
    document = {**json.loads(reference.to_bytes()), **change}
    with pytest.raises(UnloadableModel, match=r"^reference\.json cannot be loaded: ") as caught:
        Reference.from_bytes(json.dumps(document).encode())
    assert reason in str(caught.value)


def test_a_group_is_found_by_class_and_category(reference: Reference) -> None:
    sex = list(CATEGORIES).index("sex")
    for categories in (("male", "Dream"), ("female", "Biscoe")):
        group = reference.group_of("Gentoo", categories)
        assert (group.label, group.value) == ("Gentoo", categories[sex])
    with pytest.raises(KeyError, match="emperor"):
        reference.group_of("emperor", ("male", "Dream"))


def test_positive_measurements_become_logarithms(reference: Reference) -> None:
    values = [40.0, 20.0, 190.0, 4000.0]
    assert reference.transform(values) == [math.log(value) for value in values]
    assert [item.name for item in reference.measurements] == list(MEASUREMENTS)


def test_counts_by_label(reference: Reference) -> None:
    assert reference.label_counts() == {"Adelie": 146, "Chinstrap": 68, "Gentoo": 119}


def test_the_smallest_probability_of_a_set_is_a_rank_among_the_scores() -> None:
    sets = Sets(scores=tuple(index / 100 for index in range(1, 100)), folds=10, max_coverage=0.99)
    assert sets.smallest_probability(0.9) == 0.10
    assert sets.smallest_probability(0.95) == 0.05
    assert sets.smallest_probability(0.99) == 0.01
