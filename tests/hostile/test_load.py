"""Many and slow clients: what the worker holds in memory, and whether everyone else is still answered.

Small counts here; `make hostile` has the full ones and writes them into docs/reference/reliability.md.
"""

import base64
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import StartFunction
from tests.hostile.conftest import FULL, check_unharmed
from tests.support.bundles import EXAMPLE, PublishedBundle, random_penguins
from tests.support.processes import PROJECT, FunctionProcess
from tests.support.programs import require_program
from tests.support.reliability_page import record
from tests.support.shutdown_load import answered_until_the_end

MIB = 1024 * 1024
MOST_HELD_BYTES = 350 * MIB
BATCH = json.dumps({"instances": [bird.model_dump() for bird in random_penguins(1000, 3)[0]]}).encode()
MOST_LEFT = 1.2
"""Of what a worker held before."""
QUIET_S = 5.0
"""For connections to end and the heap to be trimmed."""


def worker_of(function: FunctionProcess) -> Any:
    (worker,) = psutil.Process(function.process.pid).children()
    return worker


class Watch:
    """The most memory that a worker held, and the longest that `/health` took, while the watch was on."""

    peak_bytes = 0
    health_ms: list[float]


@contextmanager
def watching(function: FunctionProcess) -> Iterator[Watch]:
    watch, worker, done = Watch(), worker_of(function), threading.Event()
    watch.health_ms = []

    def look() -> None:
        with httpx.Client(timeout=60) as client:
            while not done.wait(0.02):
                watch.peak_bytes = max(watch.peak_bytes, worker.memory_info().rss)
                started = time.perf_counter()
                assert client.get(f"{function.url}/health").status_code == 200
                watch.health_ms.append((time.perf_counter() - started) * 1000)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join(60)


def crowd(function: FunctionProcess, clients: int) -> dict[str, dict[str, int]]:
    """What so many clients get that send a thousand birds each; in a process of its own.

    It gives way to the function, whose processors no client shares where it is deployed.
    """
    command = ["nice", "-n", "10", sys.executable, "-m", "tests.support.crowd", str(function.port), str(clients)]
    printed = subprocess.run(command, cwd=PROJECT, input=BATCH, capture_output=True, check=True, timeout=400).stdout
    found: dict[str, dict[str, int]] = json.loads(printed)
    return found


def test_many_large_batches_at_once_are_answered_and_leave_no_memory_behind(predict: FunctionProcess) -> None:
    clients, rounds = (2000, 20) if FULL else (100, 1)
    assert crowd(predict, 20)["answers"] == {"200": 20}
    time.sleep(QUIET_S)
    rest = worker_of(predict).memory_info().rss
    with watching(predict) as watch:
        found = [crowd(predict, clients) for _ in range(rounds)]
    time.sleep(QUIET_S)
    after = worker_of(predict).memory_info().rss
    assert [each["broken"] for each in found] == [{}] * rounds
    answers = sum((Counter(each["answers"]) for each in found), Counter[str]())
    assert set(answers) <= {"200", "503"}
    assert watch.peak_bytes < MOST_HELD_BYTES
    in_order = sorted(watch.health_ms)
    figures = f"at rest {rest // MIB}, at most {watch.peak_bytes // MIB}, 5 s later {after // MIB} MiB"
    times = f"/health: median {in_order[len(in_order) // 2]:.0f}, longest {in_order[-1]:.0f} ms"
    text = f"{dict(answers)}; {figures}; {times}"
    print(f"{clients} clients, 1,000 birds each, {rounds} times: {text}")
    if FULL:
        record(f"{clients:,} clients send 1,000 birds each at the same time, {rounds} times", text)
    assert after < rest * MOST_LEFT


def test_hostile_messages_leave_no_memory_behind(score: FunctionProcess) -> None:
    """Each has a thousand rows of a hundred unknown fields."""
    row = {f"f{number}": 1 for number in range(100)}
    data = json.dumps({"instances": [row] * 1000}).encode()
    body = json.dumps({"message": {"messageId": "1", "data": base64.b64encode(data).decode()}, "subscription": "s"})
    post = {"content": body.encode(), "headers": {"Content-Type": "application/json"}, "timeout": 120}
    rest = worker_of(score).memory_info().rss
    with watching(score) as watch, ThreadPoolExecutor(20) as pool:
        statuses = set(pool.map(lambda _: httpx.post(score.url, **post).status_code, range(20)))  # type: ignore[arg-type]
    time.sleep(QUIET_S)
    after = worker_of(score).memory_info().rss
    assert statuses <= {204, 503}
    assert watch.peak_bytes < MOST_HELD_BYTES
    figures = f"at rest {rest // MIB}, at most {watch.peak_bytes // MIB}, 5 s later {after // MIB} MiB"
    print(f"20 hostile messages: {figures}")
    if FULL:
        record("`score` gets 20 messages of 1,000 rows with 100 unknown fields each at the same time", figures)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["-H", "-B", "-X"], ids=["slow-heads", "slow-bodies", "slow-reads"])
def test_slow_clients_keep_nobody_waiting(predict: FunctionProcess, kind: str) -> None:
    """slowhttptest: heads and bodies that arrive byte by byte, answers that are read byte by byte."""
    clients, seconds = ("1000", "60") if FULL else ("200", "5")
    options = ["-c", clients, "-r", "200", "-l", seconds, "-i", "2", "-p", "3"]
    options += ["-t", "POST", "-u", f"{predict.url}/predict"] if kind == "-B" else ["-u", f"{predict.url}/docs"]
    with watching(predict) as watch:
        subprocess.run([require_program("slowhttptest"), kind, *options], capture_output=True, check=False, timeout=180)
    assert watch.peak_bytes < MOST_HELD_BYTES
    assert len(watch.health_ms) > 50
    if FULL:
        text = f"at most {watch.peak_bytes // MIB} MiB; /health: longest {max(watch.health_ms):.0f} ms"
        record(f"`slowhttptest {kind}`, {clients} clients for {seconds} s", text)


@pytest.mark.slow
def test_no_request_is_lost_at_the_end(start_function: StartFunction, linear_bundle: PublishedBundle) -> None:
    rounds = 100 if FULL else 3
    answered, longest_s = 0, 0.0
    for number in range(rounds):
        function = start_function({**linear_bundle.env, "MODEL_LOADING": "eager"})
        lost, count, took_s = answered_until_the_end(function, clients=64, seconds=0.1 + 0.01 * (number % 20))
        assert lost == []
        assert function.process.returncode == 0
        answered, longest_s = answered + count, max(longest_s, took_s)
    print(f"{rounds} rounds: {answered} requests, none lost; longest end {longest_s:.1f} s")
    if FULL:
        text = f"{answered:,} requests answered, none lost; the longest end took {longest_s:.1f} s"
        record(f"SIGTERM while 64 keep-alive clients post, {rounds} times", text)


def test_the_example_is_answered_after_all_that(predict: FunctionProcess) -> None:
    assert httpx.post(f"{predict.url}/predict", json=EXAMPLE, timeout=30).json() == {"prediction": "Adelie"}
    check_unharmed(predict)
