from pathlib import Path

import pytest

from benchmarks.results import Results, Spread, ratio


def test_a_ratio_is_taken_round_by_round() -> None:
    # The second round was twice as slow for both: the ratio does not see it.
    assert ratio([50, 25, 60], [100, 50, 100]) == Spread(0.5, 0.5, 0.6, 3)


def test_a_value_measured_once_counts_for_every_round() -> None:
    assert ratio([10, 20], [10]) == Spread(1.5, 1.0, 2.0, 2)


@pytest.mark.parametrize(("values", "base"), [([], [1]), ([1], []), ([1, 2, 3], [1, 2]), ([1.0], [0.0])])
def test_what_cannot_be_compared_has_no_ratio(values: list[float], base: list[float]) -> None:
    assert ratio(values, base) is None


def test_a_spread_is_written_with_its_extremes_unless_there_is_one_round() -> None:
    assert str(Spread.of([1.0, 3.0, 2.0])) == "2 [1-3]"
    assert str(Spread.of([0.12345])) == "0.123"
    assert Spread.of([]) is None


def test_results_come_back_from_their_file(tmp_path: Path) -> None:
    results = Results(rounds=2, turn_s=1.0, titles={"ours": "this function"}, skipped={"bentoml": "no wheel"})
    results.add("ours", "rps_8", 7500.0)
    assert Results.read(results.save(tmp_path)) == results
