"""Thresholds of every library as doubles that a double is compared with by `<=`.

The libraries first round a value to float32, or scale it, and compare then. Each of these steps keeps the order of
values, so for each threshold there is a largest double that still goes left, and it is found exactly.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]


def rounded_up_to(thresholds: "Doubles") -> "Doubles":
    """For float32(value) <= threshold, the threshold in double: scikit-learn's trees."""
    singles = thresholds.astype(np.float32)
    singles = np.where(singles.astype(np.float64) > thresholds, np.nextafter(singles, np.float32(-np.inf)), singles)
    return _largest_that_rounds_to(singles)


def rounded_below(thresholds: Any) -> "Doubles":
    """For float32(value) < float32 threshold, the threshold in double: XGBoost."""
    return _largest_that_rounds_to(np.nextafter(np.asarray(thresholds, np.float32), np.float32(-np.inf)))


def _largest_that_rounds_to(singles: "NDArray[np.float32]") -> "Doubles":
    """The largest double that is rounded to this float32: the middle of it and the next, if that is rounded down."""
    following = np.nextafter(singles, np.float32(np.inf)).astype(np.float64)
    middle = (singles.astype(np.float64) + following) / 2
    return np.where(middle.astype(np.float32) <= singles, middle, np.nextafter(middle, -np.inf))


def before(
    transform: Callable[["Doubles"], "Doubles"], thresholds: "Doubles", lowest: "Doubles", highest: "Doubles"
) -> "Doubles":
    """For transform(value) <= threshold, the threshold of the value itself, of values from `lowest` to `highest`.

    `transform` keeps the order of values and works on each by itself. Infinite where all values go the same way.
    """
    low, high = _ordered(lowest), _ordered(highest)
    all_left, all_right = transform(highest) <= thresholds, ~(transform(lowest) <= thresholds)
    while (low + 1 < high).any():
        middle = (low & high) + ((low ^ high) >> 1)  # The mean. The sum, and a range around zero, exceed int64.
        left = transform(_ordered(middle, back=True)) <= thresholds
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    result = _ordered(low, back=True)
    return np.where(all_right, -np.inf, np.where(all_left, np.inf, result))


def _ordered(values: "NDArray[Any]", *, back: bool = False) -> "NDArray[Any]":
    """Doubles as whole numbers of the same order, each next to its neighbours, and back."""
    numbers = values.view(np.int64) if not back else values
    flipped = np.where(numbers < 0, np.int64(-(2**63)) - numbers - 1, numbers)
    return flipped.view(np.float64) if back else flipped
