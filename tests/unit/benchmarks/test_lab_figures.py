import math

import pytest

from benchmarks.figures import Spread, quantile, ratio


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 2), (0.75, 3), (0.99, 4), (1.0, 4)])
def test_a_quantile_is_the_nearest_rank(share: float, value: float) -> None:
    assert quantile([1, 2, 3, 4], share) == value


def test_a_quantile_of_nothing_is_no_number() -> None:
    assert math.isnan(quantile([], 0.5))


def test_a_ratio_is_taken_round_by_round() -> None:
    # The second round was twice as slow for both: the ratio does not see it.
    assert ratio([50, 25, 60], [100, 50, 100]) == Spread(0.5, 0.5, 0.6, 3)


def test_a_figure_measured_once_stands_for_every_round() -> None:
    assert ratio([10, 20], [10]) == Spread(1.5, 1.0, 2.0, 2)


@pytest.mark.parametrize(("values", "base"), [([], [1]), ([1], []), ([1, 2, 3], [1, 2]), ([1.0], [0.0])])
def test_what_cannot_be_compared_has_no_ratio(values: list[float], base: list[float]) -> None:
    assert ratio(values, base) is None
