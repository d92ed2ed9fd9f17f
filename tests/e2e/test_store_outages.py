"""A store that cannot be reached, is silent, or never ends: one line says what happened, and nothing is left behind."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import StartFunction
from tests.support.bad_servers import (
    endless_body,
    endless_handshake,
    server,
    silent,
    trickled_header,
    unreachable,
)
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.fault_proxy import FaultProxy, only
from tests.support.gcs import GcsServer
from tests.support.processes import FunctionProcess, wait_until

LOAD_S = 10.0
OUTAGES: dict[str, tuple[str, Callable[[], AbstractContextManager[int]]]] = {
    "unanswered-syn": ("http", unreachable),
    "unanswered-syn-tls": ("https", unreachable),
    "silent": ("http", partial(server, silent)),
    "silent-tls": ("https", partial(server, silent)),
    "endless-handshake": ("https", partial(server, endless_handshake)),
    "trickled-header": ("http", partial(server, trickled_header)),
}


def worker_of(function: FunctionProcess) -> Any:
    (worker,) = psutil.Process(function.process.pid).children()
    return worker


def fail_to_load(function: FunctionProcess) -> dict[str, Any]:
    """The line of one failed load; checks that it takes no longer than it may, and that its thread ends."""
    threads = worker_of(function).num_threads()
    started = time.monotonic()
    answer = httpx.post(f"{function.url}/predict", json=EXAMPLE, timeout=60)
    assert answer.status_code == 503
    assert time.monotonic() - started < LOAD_S + 1.5
    line: dict[str, Any] = function.log_lines("model_load_failed")[0]
    wait_until(lambda: worker_of(function).num_threads() <= threads, "the end of the thread", 5)
    return line


@pytest.mark.parametrize(
    "name", [name if name == "silent" else pytest.param(name, marks=pytest.mark.slow) for name in OUTAGES]
)
def test_the_log_says_what_could_not_be_reached(
    start_function: StartFunction, bundle: PublishedBundle, name: str
) -> None:
    scheme, outage = OUTAGES[name]
    with outage() as port:
        env = {"STORAGE_EMULATOR_HOST": f"{scheme}://127.0.0.1:{port}", "MODEL_URI": "gs://models/v1"}
        line = fail_to_load(start_function({**env, "MODEL_DIGEST": bundle.digest}))
    assert (line["error_type"], line["uri"], line["phase"]) == ("StoreUnavailable", "gs://models/v1", "fetch")
    assert 1 <= line["attempts"] <= 20
    assert "gs://models/v1" in line["message"]


@pytest.mark.parametrize(
    ("part", "file"),
    [
        pytest.param("/b/", None, marks=pytest.mark.slow),
        pytest.param("manifest.json", "manifest.json", marks=pytest.mark.slow),
        ("model.onnx", "model.onnx"),
    ],
)
def test_the_log_says_which_file_did_not_arrive(
    gcs_server: GcsServer,
    gcs_proxy: FaultProxy,
    bucket: str,
    bundle: PublishedBundle,
    start_function: StartFunction,
    part: str,
    file: str | None,
) -> None:
    uri = gcs_server.put_folder(bucket, "root/v1", bundle.folder)
    gcs_proxy.fault = only(part, lambda answer: setattr(answer, "trickle_s", 0.3))
    env = {"STORAGE_EMULATOR_HOST": gcs_proxy.url, "MODEL_URI": uri, "MODEL_DIGEST": bundle.digest}
    line = fail_to_load(start_function(env))
    assert (line["error_type"], line["phase"], line.get("file")) == ("StoreUnavailable", "fetch", file)
    assert line["uri"] == (uri if file is None else f"{uri}/{file}")
    assert line["attempts"] >= 1


def test_an_endless_listing_takes_no_memory(start_function: StartFunction, bundle: PublishedBundle) -> None:
    with server(endless_body) as port:
        env = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}", "MODEL_URI": "gs://models/v1"}
        function = start_function({**env, "MODEL_DIGEST": bundle.digest})
        line = fail_to_load(function)
        assert worker_of(function).memory_info().rss < 200 * 1024 * 1024
    assert (line["error_type"], line["uri"]) == ("StoreUnavailable", "gs://models/v1")
    assert "bytes" in line["reason"]


@pytest.mark.slow
def test_the_function_recovers(
    gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, bundle: PublishedBundle, start_function: StartFunction
) -> None:
    uri = gcs_server.put_folder(bucket, "root/v1", bundle.folder)
    gcs_proxy.fault = only("model.onnx", lambda answer: setattr(answer, "trickle_s", 0.3))
    env = {"STORAGE_EMULATOR_HOST": gcs_proxy.url, "MODEL_URI": uri, "MODEL_DIGEST": bundle.digest}
    function = start_function(env)
    fail_to_load(function)
    gcs_proxy.fault = None
    body = json.dumps(EXAMPLE).encode()
    headers = {"Content-Type": "application/json"}
    url = f"{function.url}/predict"
    wait_until(lambda: httpx.post(url, content=body, headers=headers, timeout=30).status_code == 200, "recovery")
