import pytest

from benchmarks.soak.record import RECOVERY_S, Answer, Fault, Outcome

FAULT = Fault("SIGKILL", ("predict",), began_s=10.0, ended_s=12.0)


def answer(outcome: Outcome = "lost", function: str = "predict", began_s: float = 11.0, took_s: float = 0.5) -> Answer:
    return Answer(function, "one bird", began_s, took_s, outcome)


@pytest.mark.parametrize("outcome", ["lost", "refused"])
def test_a_fault_explains_a_failure_of_its_function_while_it_lasts(outcome: Outcome) -> None:
    assert FAULT.explains(answer(outcome))


@pytest.mark.parametrize("outcome", ["wrong", "error"])
def test_nothing_explains_a_wrong_answer_or_another_status(outcome: Outcome) -> None:
    assert not FAULT.explains(answer(outcome))


def test_a_fault_explains_nothing_of_another_function() -> None:
    assert not FAULT.explains(answer(function="score"))


def test_a_request_that_was_under_way_counts() -> None:
    assert FAULT.explains(answer(began_s=9.0, took_s=1.5))
    assert not FAULT.explains(answer(began_s=9.0, took_s=0.5))


def test_recovery_has_a_limit() -> None:
    assert FAULT.explains(answer(began_s=12.0 + RECOVERY_S - 1))
    assert not FAULT.explains(answer(began_s=12.0 + RECOVERY_S + 1))
