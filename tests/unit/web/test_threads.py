import threading

import pytest

from predictor.telemetry import current_headers
from predictor.web import run_maybe_in_thread
from tests.support.asgi import run


@pytest.mark.parametrize("in_thread", [False, True])
def test_work_runs_where_it_is_asked_to(in_thread: bool) -> None:
    def where(*, sign: str) -> tuple[bool, str]:
        return threading.current_thread() is not threading.main_thread(), sign

    assert run(run_maybe_in_thread(in_thread, where, sign="+")) == (in_thread, "+")


@pytest.mark.parametrize("in_thread", [False, True])
def test_its_error_is_raised_where_it_is_awaited(in_thread: bool) -> None:
    def fail() -> None:
        raise LookupError("as it came")

    with pytest.raises(LookupError, match="as it came"):
        run(run_maybe_in_thread(in_thread, fail))


@pytest.mark.parametrize("in_thread", [False, True])
def test_its_log_lines_carry_the_trace_of_the_request(in_thread: bool) -> None:
    async def handle() -> object:
        current_headers.set([(b"traceparent", b"of this request")])
        return await run_maybe_in_thread(in_thread, current_headers.get)

    assert run(handle()) == [(b"traceparent", b"of this request")]
