import time

import pytest

from predictor.telemetry.phases import Phases, process_age_ms


def test_a_phase_that_runs_twice_adds_up_in_its_first_place() -> None:
    phases = Phases()
    for name, ms in (("fetch", 2.0), ("verify", 1.0), ("fetch", 3.0)):
        phases.add(name, ms)
    assert list(phases.as_dict().items()) == [("fetch", 5.0), ("verify", 1.0)]


def test_a_phase_takes_as_long_as_what_is_done_in_it() -> None:
    phases = Phases()
    with phases.measure("fetch"):
        time.sleep(0.002)
    assert phases.as_dict()["fetch"] >= 2.0


def test_a_phase_that_fails_is_measured_too() -> None:
    phases = Phases()
    with pytest.raises(ValueError), phases.measure("fetch"):  # noqa: PT011  raised right here
        raise ValueError
    assert "fetch" in phases.as_dict()


def test_the_process_is_older_than_its_tests() -> None:
    assert process_age_ms() > 10
