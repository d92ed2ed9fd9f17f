import time

import pytest

from predictor.telemetry.phases import Phases, process_age_ms


def test_a_phase_that_runs_twice_adds_up_in_its_first_place() -> None:
    phases = Phases()
    for name in ("fetch", "verify", "fetch"):
        with phases.measure(name):
            time.sleep(0.002)
    measured = phases.as_dict()
    assert list(measured) == ["fetch", "verify"]
    assert measured["fetch"] > measured["verify"] > 0


def test_a_phase_that_fails_is_measured_too() -> None:
    phases = Phases()
    with pytest.raises(ValueError), phases.measure("fetch"):  # noqa: PT011  raised right here
        raise ValueError
    assert "fetch" in phases.as_dict()


def test_the_process_is_older_than_its_tests() -> None:
    assert process_age_ms() > 10
