import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from predictor.telemetry import configure_logs, log


@pytest.fixture
def stream() -> Iterator[StringIO]:
    stream = StringIO()
    configure_logs("INFO", None, stream)
    yield stream
    configure_logs("INFO", None)


def test_a_line_is_one_json_object_in_cloud_loggings_form(stream: StringIO) -> None:
    log(logging.WARNING, "slow_request", "A line\nof two.", duration_ms=12.5, path="/predict")
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "severity": "WARNING",
        "message": "A line\nof two.",
        "event": "slow_request",
        "duration_ms": 12.5,
        "path": "/predict",
    }


def test_an_error_brings_its_traceback(stream: StringIO) -> None:
    try:
        raise ValueError("why")
    except ValueError as error:
        log(logging.ERROR, "unhandled_error", "It broke.", error=error)
    line = json.loads(stream.getvalue())
    assert line["stack_trace"].startswith("Traceback")
    assert line["stack_trace"].rstrip().endswith("ValueError: why")


def test_lines_below_the_level_are_not_written(stream: StringIO) -> None:
    log(logging.DEBUG, "detail", "Not interesting.")
    assert stream.getvalue() == ""


def test_configuring_again_does_not_double_the_lines(stream: StringIO) -> None:
    configure_logs("INFO", None, stream)
    log(logging.INFO, "event", "Once.")
    assert len(stream.getvalue().splitlines()) == 1
