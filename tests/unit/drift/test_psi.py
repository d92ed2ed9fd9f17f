"""The population stability index, and how often it is wrong."""

import numpy as np
import pytest

from predictor.drift.psi import LIMIT, false_alarm_rate, psi


def test_equal_shares_have_an_index_of_zero_and_others_more() -> None:
    assert psi([50, 50], [50, 50]) == pytest.approx(0)
    assert psi([10, 90], [50, 50]) > LIMIT
    assert psi([0, 100], [50, 50]) < 10  # An empty bin is no infinity.


def test_the_false_alarm_rate_is_what_is_counted() -> None:
    random = np.random.default_rng(3)
    shares = np.full(10, 0.1)
    draws = zip(random.multinomial(150, shares, 4000), random.multinomial(333, shares, 4000), strict=True)
    counted = np.mean([psi(live.tolist(), reference.tolist()) > LIMIT for live, reference in draws])
    assert false_alarm_rate(150, 333, 10) == pytest.approx(counted, abs=0.01)
    assert false_alarm_rate(30, 333, 10) > 0.3
    assert false_alarm_rate(10_000, 333, 10) < 1e-6
