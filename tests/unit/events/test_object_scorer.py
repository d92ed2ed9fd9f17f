"""The thread that a file is scored in: it may take minutes, and must not keep the process from ending."""

import asyncio
import subprocess
import sys
import threading

import pytest

from predictor.events.object_scorer import in_daemon_thread
from predictor.telemetry import current_headers
from tests.support.asgi import run
from tests.support.processes import PROJECT, wait_until


def test_the_result_of_the_work_is_awaited() -> None:
    assert run(in_daemon_thread(lambda: threading.current_thread().name)) == "score-object"


def test_its_error_is_raised_where_it_is_awaited() -> None:
    def fail() -> None:
        raise LookupError("as it came")

    with pytest.raises(LookupError, match="as it came"):
        run(in_daemon_thread(fail))


def test_its_log_lines_carry_the_trace_of_the_request() -> None:
    async def handle() -> object:
        current_headers.set([(b"traceparent", b"of this request")])
        return await in_daemon_thread(current_headers.get)

    assert run(handle()) == [(b"traceparent", b"of this request")]


def test_whoever_waits_can_stop_waiting_and_the_work_goes_on() -> None:
    release, done = threading.Event(), threading.Event()

    def work() -> None:
        release.wait(30)
        done.set()

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await in_daemon_thread(work)

    run(scenario())
    assert not done.is_set()
    release.set()
    wait_until(done.is_set, "the abandoned work to end")


def test_the_process_ends_while_it_still_runs() -> None:
    program = """
import asyncio, time
from predictor.events.object_scorer import in_daemon_thread

async def main():
    try:
        await asyncio.wait_for(in_daemon_thread(lambda: time.sleep(600)), 0.05)
    except TimeoutError:
        print("abandoned")

asyncio.run(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.strip() == "abandoned"
