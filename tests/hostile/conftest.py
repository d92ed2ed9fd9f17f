"""One function of each kind for all attacks, and what must hold after them.

`HOSTILE=full` (`make hostile`) runs the full counts, which take minutes; otherwise each attack takes seconds.
"""

import json
import os
from collections.abc import Iterator

import httpx
import pytest

from tests.support.bundles import PublishedBundle, publish_by_hand
from tests.support.processes import FunctionProcess

FULL = os.environ.get("HOSTILE") == "full"


@pytest.fixture(scope="session")
def linear_bundle(tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    return publish_by_hand(tmp_path_factory.mktemp("linear"), linear=True)


def check_unharmed(function: FunctionProcess) -> None:
    """Still serving, and no line of its log is anything but JSON, or a failure."""
    assert httpx.get(f"{function.url}/health", timeout=30).status_code == 200
    lines = [json.loads(line) for line in function.output().splitlines()]
    harmful = [line for line in lines if line["event"] in ("unhandled_error", "request_failed", "output")]
    assert [line for line in harmful if line.get("status") != 503] == []  # 503: too much at once, as it should be.


def _serve(target: str, bundle: PublishedBundle, factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    env = {**bundle.env, "MODEL_LOADING": "eager"}
    function = FunctionProcess(env, target=target, log_file=factory.mktemp(target) / "log").wait_until_up()
    try:
        yield function
        check_unharmed(function)
    finally:
        function.stop()


@pytest.fixture(scope="module")
def predict(linear_bundle: PublishedBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    yield from _serve("predict", linear_bundle, tmp_path_factory)


@pytest.fixture(scope="module")
def score(linear_bundle: PublishedBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionProcess]:
    yield from _serve("score", linear_bundle, tmp_path_factory)
