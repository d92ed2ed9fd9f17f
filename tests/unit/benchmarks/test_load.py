from dataclasses import replace

import pytest

from benchmarks import load
from benchmarks.scenarios import Outcome, Scenario

GOOD = Outcome(requests=100, failures=0, per_second=10.0, p50_ms=1, p95_ms=25, p99_ms=50)


def test_a_token_comes_from_the_environment_and_is_never_sent_unasked() -> None:
    assert load.identity_token({"IDENTITY_TOKEN": "abc"}, ask_gcloud=True) == "abc"
    assert load.identity_token({}, ask_gcloud=False) is None


def test_an_unknown_scenario_is_a_mistake_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        load.main(["rush-hour"])
    assert "ten-times" in capsys.readouterr().err


@pytest.mark.parametrize(("outcome", "status"), [(GOOD, 0), (replace(GOOD, failures=3), 1)])
def test_an_exceeded_budget_fails_it(outcome: Outcome, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    def fake(scenario: Scenario, url: str, _token: str | None) -> Outcome:
        assert (scenario.name, url) == ("ten-times", "http://127.0.0.1:1")
        return outcome

    assert load.main(["ten-times", "--url", "http://127.0.0.1:1"], apply=fake) == status
    assert ("BUDGET: 3 failures, 0 allowed" in capsys.readouterr().out) == bool(status)
