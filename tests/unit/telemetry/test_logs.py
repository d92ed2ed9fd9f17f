"""Log lines in the form that Cloud Logging reads."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from predictor.telemetry import configure_logs, current_headers, log


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


def test_a_line_carries_the_trace_of_the_request_that_it_was_written_for() -> None:
    stream = StringIO()
    configure_logs("INFO", "my-project", stream)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    token = current_headers.set([(b"traceparent", f"00-{trace}-00f067aa0ba902b7-01".encode())])
    log(logging.INFO, "event", "With a trace.")
    current_headers.reset(token)
    log(logging.INFO, "event", "Without one.")
    configure_logs("INFO", None)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["logging.googleapis.com/trace"] == f"projects/my-project/traces/{trace}"
    assert not [name for name in second if name.startswith("logging.googleapis.com")]


def test_a_field_of_any_type_can_be_written(stream: StringIO) -> None:
    log(logging.INFO, "event", "Ça marche.", folder=Path("/a"), error=None)
    line = json.loads(stream.getvalue())
    assert (line["message"], line["folder"]) == ("Ça marche.", "/a")


def test_our_lines_and_those_of_other_libraries_are_kept_apart(
    stream: StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("another.library").warning("Not ours.")
    log(logging.WARNING, "event", "Ours.")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["Ours."]
    assert caplog.messages == ["Not ours."]


def test_a_level_that_is_set_later_counts_for_lines_that_were_left_out_before(stream: StringIO) -> None:
    configure_logs("CRITICAL", None, stream)
    log(logging.INFO, "event", "Left out.")
    configure_logs("INFO", None, stream)
    log(logging.INFO, "event", "Written.")
    assert json.loads(stream.getvalue())["message"] == "Written."


def test_no_character_ends_a_line_early(stream: StringIO) -> None:
    text = "a\nb\r\vc\x1c\x85d\u2028e\u2029f"
    log(logging.INFO, "x", text)
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["message"] == text
