import pytest

from benchmarks.contenders import PEERS
from benchmarks.goals import GOALS, Goal
from benchmarks.results import Results


def results(**samples: dict[str, list[float]]) -> Results:
    found = Results(rounds=1)
    found.samples = {name.replace("_", "-"): values for name, values in samples.items()}
    return found


def verdict_on(title: str, found: Results) -> tuple[float | None, bool | None]:
    (goal,) = [goal for goal in GOALS if title in goal.title]
    spread = goal.measure(found)
    return (spread.median if spread else None), goal.reached(found)


def test_at_least_and_at_most_are_judged_at_the_median() -> None:
    found = results(ours={"x": [1.0, 2.0, 9.0]})
    assert Goal("", lambda r: r.spread("ours", "x"), 2.0, at_least=True).reached(found) is True
    assert Goal("", lambda r: r.spread("ours", "x"), 2.1, at_least=True).reached(found) is False
    assert Goal("", lambda r: r.spread("ours", "x"), 2.0).reached(found) is True
    assert Goal("", lambda r: r.spread("ours", "x"), 1.9).reached(found) is False


def test_what_a_run_left_out_is_neither_reached_nor_missed() -> None:
    assert {goal.reached(results()) for goal in GOALS} == {None}


def test_the_fastest_peer_is_the_one_that_counts() -> None:
    slow, fast = PEERS[0].name, PEERS[1].name
    found = results(ours={"rps_8": [300.0]}, **{slow: {"rps_8": [1.0]}, fast: {"rps_8": [10.0]}})
    assert verdict_on("fastest peer", found) == (30.0, True)


def test_the_cost_of_a_row_is_the_requests_divided_by_its_rows() -> None:
    found = results(ours={"batch_1_ms": [0.2], "batch_1000_ms": [10.0], "batch_10000_ms": [90.0]})
    cost, reached = verdict_on("cost per row of 1,000 instances", found)
    assert cost == pytest.approx(0.05)
    assert reached is False
    cost, reached = verdict_on("at 10,000 instances", found)
    assert cost == pytest.approx(0.9)
    assert reached is True


def test_compiled_trees_are_compared_with_the_same_trees_in_onnx_runtime() -> None:
    found = results(ours_forest={"batch_1000_ms": [9.0]}, ours_forest_onnx={"batch_1000_ms": [10.0]})
    assert verdict_on("its time for 1,000 instances", found) == (0.9, True)


def test_a_cold_start_from_a_bucket_is_compared_with_echo() -> None:
    found = results(ours_gcs={"cold_ms": [500.0]}, echo={"cold_ms": [200.0]})
    assert verdict_on("model in a bucket", found) == (2.5, True)


def test_every_goal_has_a_title_of_its_own() -> None:
    assert len({goal.title for goal in GOALS}) == len(GOALS)
