from pathlib import Path

import pytest

from benchmarks.soak.record import Answer, Fault, Memory, Outcome, Record
from benchmarks.soak.report import Line, drift, failures, lines, longest_recovery_s, plot, table, trend


def record(*answers: Answer) -> Record:
    made = Record(duration_s=30.0)
    made.answers += answers
    return made


def answer(began_s: float, took_s: float = 0.1, function: str = "predict", outcome: Outcome = "right") -> Answer:
    return Answer(function, "one bird", began_s, took_s, outcome)


def value(found: list[Line], what: str) -> float:
    (line,) = [line for line in found if line.what == what]
    return line.value


def test_the_trend_of_memory_leaves_out_the_first_third() -> None:
    samples = [Memory("predict", float(at_s), 50.0 if at_s < 10 else 100.0 + at_s) for at_s in range(30)]
    growth_mib, slope_mib_per_h = trend(samples)
    assert growth_mib == pytest.approx(19)
    assert slope_mib_per_h == pytest.approx(3600)


def test_drift_is_relative_to_the_function_that_does_nothing() -> None:
    slower = [answer(1, 0.1), answer(29, 0.3), answer(1, 0.01, "echo"), answer(29, 0.02, "echo")]
    assert drift(record(*slower)) == pytest.approx(1.5)


def test_a_failure_that_a_fault_explains_is_within_the_budget() -> None:
    made = record(answer(1), answer(5, function="predict, killed", outcome="lost"), answer(5, outcome="lost"))
    made.faults.append(Fault("SIGKILL", ("predict, killed",), 5.0, 5.0))
    found = lines(made)
    assert value(found, "predict, killed: failed while it was killed or had no model") == 1
    assert value(found, "predict: failed otherwise") == 1
    assert len(failures(made)) == 1


def test_a_limit_that_is_missed_shows() -> None:
    made = record(answer(1), answer(2, outcome="wrong"))
    missed = [line.what for line in lines(made) if not line.good]
    assert {"predict: failed otherwise", "wrong answers"} <= set(missed)
    assert "| wrong answers | 1 | 0 | MISSED |" in table(lines(made))


def test_recovery_lasts_until_the_first_right_answer() -> None:
    killed = "predict, killed"
    made = record(answer(5, 0.1, killed, "refused"), answer(7, 0.5, killed))
    made.faults.append(Fault("SIGKILL", (killed,), 4.0, 5.0))
    assert longest_recovery_s(made) == pytest.approx(2.5)


def test_the_plot_shows_every_part(tmp_path: Path) -> None:
    made = record(answer(1), answer(2, function="echo"))
    made.memory.append(Memory("predict", 1.0, 50.0))
    made.faults.append(Fault("SIGKILL", ("predict, killed",), 5.0))
    plot(made, tmp_path / "soak.svg")
    assert (tmp_path / "soak.svg").read_text().count('id="axes_') == 3
