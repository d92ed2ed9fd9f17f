"""Distances as the textbook has them, and p-values by rank."""

import numpy as np
import pytest

from predictor.errors import UnloadableModel
from predictor.schema import CATEGORIES, COMBINATIONS, MEASUREMENTS, categories_of, measurements_of
from predictor.training.dataset import Dataset
from predictor.trust.distance import Distance
from predictor.trust.reference import Reference


@pytest.fixture(scope="module")
def distance(reference: Reference) -> Distance:
    return Distance(reference)


def textbook(reference: Reference, measurements: tuple[float, ...], sex: str, keep: list[int]) -> float:
    """The Mahalanobis distance in some of the measurements, to the nearest species mean of the claimed sex."""
    covariance = np.linalg.inv(np.array(reference.precision))[np.ix_(keep, keep)]
    means = [np.array(group.means) for group in reference.groups if group.value == sex]
    gaps = [(np.log(measurements) - mean)[keep] for mean in means]
    return float(min(gap @ np.linalg.inv(covariance) @ gap for gap in gaps) ** 0.5)


def test_it_is_the_mahalanobis_distance_to_the_nearest_mean_of_the_claimed_sex(
    distance: Distance, reference: Reference, dataset: Dataset
) -> None:
    for penguin in dataset.penguins[::7]:
        values = measurements_of(penguin)
        expected = textbook(reference, values, penguin.sex, list(range(len(MEASUREMENTS))))
        assert distance.of(values, categories_of(penguin)) == pytest.approx(expected, rel=1e-6)


def test_the_most_unusual_measurement_is_the_one_whose_omission_lowers_the_distance_most(
    distance: Distance, reference: Reference, dataset: Dataset
) -> None:
    for penguin in dataset.penguins[::7]:
        values = measurements_of(penguin)
        left = {
            name: textbook(reference, values, penguin.sex, [other for other in range(4) if other != index])
            for index, name in enumerate(MEASUREMENTS)
        }
        assert distance.most_unusual(values, categories_of(penguin)) == min(left, key=lambda name: left[name])


def test_a_p_value_is_the_share_of_reference_rows_that_are_at_least_as_far(distance: Distance) -> None:
    scores = np.array(distance.scores)
    for value in (0.0, scores[0], 1.5, scores[100], scores[-1], 99.0):
        share = (1 + (scores >= value).sum()) / (len(scores) + 1)
        assert distance.p_values[distance.rank(value)] == pytest.approx(share, abs=1e-6)


def test_a_row_is_known_from_the_threshold_on(distance: Distance, reference: Reference) -> None:
    known = [p_value >= reference.threshold for p_value in distance.p_values]
    assert known == [rank < distance.known_below for rank in range(len(known))]
    assert 0 < distance.known_below < len(known)


def test_the_claimed_sex_decides_on_the_groups_and_the_island_does_not(distance: Distance) -> None:
    sex = list(CATEGORIES).index("sex")
    by_sex = {values[sex]: distance.means[values] for values in COMBINATIONS}
    assert by_sex["male"] != by_sex["female"]
    assert all(distance.means[values] == by_sex[values[sex]] for values in COMBINATIONS)


@pytest.mark.parametrize("sign", [0.0, -1.0])
def test_a_precision_that_is_no_inverse_of_a_covariance_is_refused(reference: Reference, sign: float) -> None:
    precision = tuple(tuple(sign * value for value in row) for row in reference.precision)
    with pytest.raises(UnloadableModel, match="precision"):
        Distance(reference.model_copy(update={"precision": precision}))
