import math
from dataclasses import replace

import pytest

from benchmarks.scenarios import SCENARIOS, Budget, Outcome, Scenario, Stage

BUDGET = Budget(p95_ms=25, p99_ms=50)
GOOD = Outcome(requests=100, failures=0, per_second=10.0, p50_ms=1, p95_ms=25, p99_ms=50)


def test_a_run_at_its_limits_is_within_its_budget() -> None:
    assert GOOD.violations(BUDGET) == []


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (replace(GOOD, failures=1), "1 failures"),
        (replace(GOOD, p95_ms=26), "p95"),
        (replace(GOOD, p99_ms=51), "p99"),
        (replace(GOOD, p99_ms=math.nan), "p99"),
        (replace(GOOD, requests=0), "no request"),
    ],
)
def test_each_limit_of_the_budget_can_be_exceeded(outcome: Outcome, word: str) -> None:
    (sentence,) = outcome.violations(BUDGET)
    assert word in sentence


def test_an_outcome_is_written_with_its_cold_starts_and_errors() -> None:
    outcome = replace(GOOD, cold_starts=["cold start after 1 s: 9 ms (load 3)"], errors=["predict: status 500 (1)"])
    assert str(outcome).splitlines() == [
        "100 requests, 10.0/s, 0 failures; p50 1, p95 25, p99 50 ms",
        "  cold start after 1 s: 9 ms (load 3)",
        "  predict: status 500 (1)",
    ]


def test_stages_follow_each_other_and_end() -> None:
    scenario = Scenario("x", "", (Stage(10, 1, 1), Stage(5, 7, 1)), BUDGET)
    assert [stage.users if (stage := scenario.stage_at(t)) else None for t in (0, 9.9, 10, 14.9, 15)] == [
        1,
        1,
        7,
        7,
        None,
    ]


def test_a_stretched_scenario_keeps_its_users_and_its_proportions() -> None:
    longer = SCENARIOS["peak"].lasting(90)
    assert longer.seconds == pytest.approx(90)
    assert [stage.users for stage in longer.stages] == [stage.users for stage in SCENARIOS["peak"].stages]


@pytest.mark.parametrize(
    ("name", "requests_per_s"),
    [("normal", (1, 10)), ("peak", (50, 100)), ("spike", (100, 100)), ("ten-times", (300, 300))],
)
def test_the_scenarios_ask_for_what_they_are_named_after(name: str, requests_per_s: tuple[float, float]) -> None:
    scenario = SCENARIOS[name]
    rates = [stage.users * scenario.per_user_per_s for stage in scenario.stages]
    assert (min(rates), max(rates)) == pytest.approx(requests_per_s)


def test_no_scenario_allows_a_failure() -> None:
    assert {scenario.budget.failures for scenario in SCENARIOS.values()} == {0}
