"""Accuracy from feedback, with exact intervals."""

import pytest
from scipy import stats

from predictor.drift.live_accuracy import Share, live_accuracies
from predictor.drift.summaries import Summary
from tests.support.traffic import DIGEST, OTHER_DIGEST, line

PAIRS = {"Adelie": {"Adelie": 8, "Gentoo": 1}, "Gentoo": {"Gentoo": 11}}


@pytest.mark.parametrize(("counted", "of"), [(0, 12), (12, 12), (5, 12), (999, 1000)])
def test_the_interval_is_clopper_and_pearsons(counted: int, of: int) -> None:
    share = Share.exact(counted, of)
    expected = stats.binomtest(counted, of).proportion_ci(0.95, method="exact")
    assert (share.lowest, share.highest) == pytest.approx((expected.low, expected.high))


def test_each_model_has_its_own_accuracy_and_coverage() -> None:
    feedback = {"pairs": PAIRS, "with_sets": 20, "covered": 19}
    lines = [
        line({"summary_id": "a", "feedback": feedback}),
        line({"summary_id": "b", "feedback": feedback}),
        line({"summary_id": "c", "feedback": {"pairs": PAIRS}}, digest=OTHER_DIGEST, model_version="2"),
        line({"summary_id": "d", "rows": 10}, digest="sha256:" + "3" * 64, model_version="3"),
    ]
    first, second = live_accuracies([Summary.of(one) for one in lines])
    assert (first.model_digest, first.accuracy.counted, first.accuracy.of) == (DIGEST, 38, 40)
    assert first.coverage is not None
    assert (first.coverage.counted, first.coverage.of) == (38, 40)
    assert (second.model_digest, second.accuracy.counted, second.accuracy.of) == (OTHER_DIGEST, 19, 20)
    assert second.coverage is None
