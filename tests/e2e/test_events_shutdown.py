"""SIGTERM while a message is in work: it is finished and answered, or not acknowledged; all within ten seconds."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle
from tests.support.events import push_document
from tests.support.processes import PROJECT, FunctionProcess, wait_until

CLOUD_RUN_KILLS_AFTER_S = 10


@pytest.fixture
def function(start_function: StartFunction, bundle: PublishedBundle) -> FunctionProcess:
    process = start_function(bundle.env, target="score", source=PROJECT / "tests/support/chaotic_main.py")
    assert httpx.get(f"{process.url}/ready", timeout=30).status_code == 200
    return process


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def in_work(
    pool: ThreadPoolExecutor, function: FunctionProcess, event: str, *, chaos: str = "", **attributes: str
) -> "Future[httpx.Response]":
    """Send a message, and wait until its work has come as far as `event`."""
    headers = {"content-type": "application/json", "x-chaos": chaos}
    body = json.dumps(push_document(attributes=attributes)).encode()
    answer = pool.submit(httpx.post, function.url, content=body, headers=headers, timeout=60)
    wait_until(lambda: function.log_lines(event), event)
    return answer


def terminate(function: FunctionProcess) -> None:
    os.kill(function.process.pid, signal.SIGTERM)
    function.process.wait(CLOUD_RUN_KILLS_AFTER_S)


def test_a_message_in_work_is_finished_and_answered(pool: ThreadPoolExecutor, function: FunctionProcess) -> None:
    answer = in_work(pool, function, "publishing", chaos="publish after 2")
    terminate(function)
    assert answer.result().status_code == 204
    assert len(function.log_lines("result_published")) == 1


def test_one_that_cannot_be_finished_is_not_acknowledged(pool: ThreadPoolExecutor, function: FunctionProcess) -> None:
    answer = in_work(pool, function, "publishing", chaos="publish after 60")
    terminate(function)
    assert answer.result().status_code == 503
    assert function.log_lines("result_published") == []
    assert function.log_lines("message_failed")[0]["reason"] == "deadline"


def test_a_file_in_work_does_not_hold_up_the_end(pool: ThreadPoolExecutor, function: FunctionProcess) -> None:
    attributes = {"eventType": "OBJECT_FINALIZE", "bucketId": "birds", "objectId": "birds.csv", "objectGeneration": "1"}
    answer = in_work(pool, function, "scoring_object", **attributes)
    terminate(function)
    assert answer.result().status_code == 503
    assert function.log_lines("result_published") == []


def test_without_messages_it_ends_at_once(function: FunctionProcess) -> None:
    terminate(function)
    assert function.log_lines("unhandled_error") == []
