"""From scores to probabilities: curves are scikit-learn's, at, just below and just above each of their points."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from predictor.models.compiled import links


@given(st.lists(st.tuples(st.floats(-30, 30), st.booleans()), min_size=1, max_size=30))
def test_a_curve_is_an_isotonic_regression(rows: list[tuple[float, bool]]) -> None:
    known, labels = zip(*rows, strict=True)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(known, labels)
    points = zip(isotonic.X_thresholds_.tolist(), isotonic.y_thresholds_.tolist(), strict=True)
    curve = links.PiecewiseLinear(tuple(points))
    middles = (isotonic.X_thresholds_[:-1] + isotonic.X_thresholds_[1:]) / 2
    near = [np.nextafter(known, end) for end in (-np.inf, np.inf)]
    scores = np.concatenate([known, *near, middles, [-40.0, 40.0]])
    expected = isotonic.predict(scores)
    assert curve.of_batch(scores).tolist() == [curve(score) for score in scores.tolist()]
    assert np.abs(curve.of_batch(scores) - expected).max() <= 1e-15


def test_values_are_divided_by_their_sum_and_are_equal_if_all_are_0() -> None:
    scores = [[0.2, 0.6, 0.0], [0.0, 0.0, 0.0], [1e-17, 0.0, 0.0]]
    expected = [[0.25, 0.75, 0.0], [1 / 3] * 3, [1 / 3] * 3]
    assert np.allclose([links.probabilities("normalized", row) for row in scores], expected, atol=1e-15)
    assert np.allclose(links.batch_probabilities("normalized", np.array(scores).T).T, expected, atol=1e-15)


def test_one_value_is_the_second_of_two_classes() -> None:
    assert links.probabilities("normalized", [0.25]) == [0.75, 0.25]
    assert links.batch_probabilities("normalized", np.array([[0.25, 0.0]])).tolist() == [[0.75, 1.0], [0.25, 0.0]]
