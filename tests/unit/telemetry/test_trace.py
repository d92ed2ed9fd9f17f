from contextvars import copy_context

import pytest

from predictor.telemetry.trace import current_headers, request_fields, request_id, trace_fields, use_request_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NAME = f"projects/p/traces/{TRACE}"


def fields(*headers: tuple[str, str]) -> dict[str, str | bool]:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return trace_fields(raw, "p")


def test_w3c_trace_context() -> None:
    assert fields(("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")) == {
        "logging.googleapis.com/trace": NAME,
        "logging.googleapis.com/spanId": "00f067aa0ba902b7",
        "logging.googleapis.com/trace_sampled": True,
    }


def test_googles_header_has_a_decimal_span() -> None:
    assert fields(("X-Cloud-Trace-Context", f"{TRACE.upper()}/67667974448284343;o=1")) == {
        "logging.googleapis.com/trace": NAME,
        "logging.googleapis.com/spanId": "00f067aa0ba902b7",
        "logging.googleapis.com/trace_sampled": True,
    }


@pytest.mark.parametrize("value", [TRACE, f"{TRACE}/0", f"{TRACE}/0;o=0", f"{TRACE}/{2**64}"])
def test_a_trace_without_a_usable_span(value: str) -> None:
    assert fields(("x-cloud-trace-context", value)) == {
        "logging.googleapis.com/trace": NAME,
        "logging.googleapis.com/trace_sampled": False,
    }


def test_traceparent_wins() -> None:
    found = fields(("x-cloud-trace-context", f"{'a' * 32}/1"), ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-00"))
    assert found["logging.googleapis.com/trace"] == NAME


@pytest.mark.parametrize(
    "value",
    ["", "nonsense", f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-1-01"],
)
def test_a_bad_header_is_no_trace(value: str) -> None:
    assert fields(("traceparent", value)) == {}


def test_without_a_project_there_is_no_trace() -> None:
    assert trace_fields([(b"traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())], None) == {}


@pytest.mark.parametrize("name", [b"function-execution-id", b"Function-Execution-Id"])
def test_the_execution_id_becomes_a_label(name: bytes) -> None:
    fields = request_fields([(name, b"aB3-_x")], None)
    assert fields["logging.googleapis.com/labels"] == {"execution_id": "aB3-_x"}


@pytest.mark.parametrize("value", [b"", b"two words", b"x" * 65, b"a\n", "\u00e9".encode()])
def test_an_execution_id_that_is_a_callers_own_text_is_not_logged(value: bytes) -> None:
    assert set(request_fields([(b"function-execution-id", value)], None)) == {"request_id"}


def test_a_line_has_both_the_trace_and_the_execution_id() -> None:
    headers = [(b"function-execution-id", b"abc"), (b"traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())]
    found = request_fields(headers, "p")
    assert found["logging.googleapis.com/trace"] == NAME
    assert found["logging.googleapis.com/labels"] == {"execution_id": "abc"}


@pytest.mark.parametrize("value", [b"4bf92f3577b34da6", b"1-67891233-abcdef012345678912345678", b"Zx+/w==", b"a" * 128])
def test_a_harmless_request_id_is_taken_over(value: bytes) -> None:
    assert request_id([(b"x-request-id", value)]) == value


@pytest.mark.parametrize("value", [b"", b"two words", b"a" * 129, b"a\n", b"<b>", b'"', "\u00e9".encode()])
def test_any_other_request_id_is_replaced(value: bytes) -> None:
    made = request_id([(b"x-request-id", value)])
    assert len(made) == 16
    assert made != value


def test_a_request_keeps_the_id_that_was_made_for_it_and_no_other_has_it() -> None:
    headers = [(b"host", b"x")]
    assert request_id(headers) == request_id(headers)
    assert request_fields(headers, None) == {"request_id": request_id(headers).decode()}
    assert request_id(headers) != request_id([(b"host", b"x")])


def test_an_id_that_is_known_later_replaces_the_first_if_it_is_harmless() -> None:
    headers = [(b"x-request-id", b"first")]

    def answer() -> list[bytes]:
        current_headers.set(headers)
        use_request_id("two words")
        before = request_id(headers)
        use_request_id("second")
        return [before, request_id(headers)]

    assert copy_context().run(answer) == [b"first", b"second"]


def test_outside_of_a_request_there_is_nothing_to_name() -> None:
    assert request_fields(None, "p") == {}
