"""Thresholds behind other steps, as thresholds of the value itself."""

import numpy as np
import pytest

from predictor.training.compile.thresholds import before


@pytest.mark.parametrize(
    ("lowest", "highest"), [(1.0, 500.0), (0.0, 200.0), (-60.0, 10.0), (-1e300, 1e300), (-5.0, -1.0)]
)
def test_the_largest_value_that_goes_left_is_found_in_any_range(lowest: float, highest: float) -> None:
    wanted = np.array([lowest + (highest / 2 - lowest / 2) * share for share in (0.1, 0.9, 1.2, 1.9)])
    ends = np.full(len(wanted), lowest), np.full(len(wanted), highest)
    assert before(lambda values: 2.0 * values, 2.0 * wanted, *ends).tolist() == wanted.tolist()
