import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from predictor.operations.proportions import Proportion, p_different, p_larger

counts = st.integers(0, 400)


@given(counts, counts, counts, counts)
def test_the_p_value_is_that_of_scipy(hits: int, misses: int, other_hits: int, other_misses: int) -> None:
    sample = Proportion(hits, hits + misses)
    reference = Proportion(other_hits, other_hits + other_misses)
    expected = fisher_exact([[hits, misses], [other_hits, other_misses]], alternative="greater")[1]
    assert p_larger(sample, reference) == pytest.approx(float(expected), rel=1e-6, abs=1e-300)


def test_millions_of_requests_and_a_hopeless_case_are_computed() -> None:
    assert p_larger(Proportion(10_100, 1_000_000), Proportion(190_000, 19_000_000)) == pytest.approx(0.16, abs=0.01)
    assert p_larger(Proportion(950, 1000), Proportion(19, 19_000)) < 1e-100


@given(counts, counts, counts, counts)
def test_a_difference_is_as_likely_as_the_opposite_one(
    hits: int, misses: int, other_hits: int, other_misses: int
) -> None:
    ours, theirs = Proportion(hits, hits + misses), Proportion(other_hits, other_hits + other_misses)
    swapped = Proportion(misses, hits + misses), Proportion(other_misses, other_hits + other_misses)
    assert p_different(ours, theirs) == pytest.approx(p_different(*swapped), rel=1e-9)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.3])
def test_equal_groups_are_called_different_no_more_often_than_the_error_says(share: float) -> None:
    """Every outcome of two groups of 200 with the same share, weighted by its probability."""
    total, error = 200, 0.01
    weights = [math.comb(total, count) * share**count * (1 - share) ** (total - count) for count in range(total + 1)]
    likely = [count for count, weight in enumerate(weights) if weight > 1e-9]
    wrong = sum(
        weights[ours] * weights[theirs]
        for ours in likely
        for theirs in likely
        if p_larger(Proportion(ours, total), Proportion(theirs, total)) < error
    )
    assert 0 <= wrong <= error


def test_nothing_of_nothing_proves_nothing() -> None:
    assert p_larger(Proportion(0, 0), Proportion(0, 0)) == 1.0
    assert Proportion(0, 0).share == 0.0
