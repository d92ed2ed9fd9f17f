import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.outcome import ColdStart, Outcome
from benchmarks.scenarios import SCENARIOS, Budget, Scenario, Stage

BUDGET = Budget(p95_ms=25, p99_ms=50)
GOOD = Outcome("peak", requests=100, failures=0, per_second=10.0, p50_ms=1, p95_ms=25, p99_ms=50)


def test_a_run_at_its_limits_is_within_its_budget() -> None:
    assert GOOD.broken(BUDGET) == []


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
def test_each_part_of_the_budget_can_break(outcome: Outcome, word: str) -> None:
    (sentence,) = outcome.broken(BUDGET)
    assert word in sentence


def test_an_outcome_comes_back_from_its_file(tmp_path: Path) -> None:
    outcome = replace(GOOD, cold_starts=[ColdStart(0.5, 120.0, {"load": 90.0})], errors=["predict: status 500 (1)"])
    outcome.write(tmp_path / "outcome.json")
    assert Outcome.read(tmp_path / "outcome.json") == outcome


def test_stages_follow_each_other_and_end() -> None:
    scenario = Scenario("x", "", (Stage(10, 1, 1), Stage(5, 7, 1)), 1.0, BUDGET)
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


def test_nobody_allows_a_failure() -> None:
    assert {scenario.budget.failures for scenario in SCENARIOS.values()} == {0}


def test_a_token_comes_from_the_environment_and_is_never_sent_unasked() -> None:
    assert load._token({"IDENTITY_TOKEN": "abc"}, ask_gcloud=True) == "abc"
    assert load._token({}, ask_gcloud=False) is None


def test_an_unknown_scenario_is_a_mistake_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert load.main(["rush-hour"]) == 2
    assert "ten-times" in capsys.readouterr().err


@pytest.mark.parametrize(("outcome", "status"), [(GOOD, 0), (replace(GOOD, failures=3), 1)])
def test_a_broken_budget_fails_the_command(outcome: Outcome, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    def fake(scenario: Scenario, target: load.Target) -> Outcome:
        assert (scenario.name, target.url) == ("ten-times", "http://127.0.0.1:1")
        return outcome

    assert load.main(["ten-times", "--url", "http://127.0.0.1:1"], put=fake) == status
    assert ("BUDGET: 3 failures, 0 allowed" in capsys.readouterr().out) == bool(status)
