"""Every fault of the store while a model is loaded: what is answered and logged, and that it recovers by itself."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from predictor.artifacts.gcs_store import GcsStore
from predictor.bootstrap import App, build
from predictor.errors import ModelUnavailable
from predictor.settings import Settings
from tests.faults.faults import FAULTS
from tests.hostile.conftest import FULL
from tests.support.bundles import PublishedBundle
from tests.support.fault_proxy import Answer, Fault, FaultProxy, only
from tests.support.gcs import GcsServer
from tests.support.logs import Log, captured_log
from tests.support.processes import wait_until
from tests.support.reliability_page import compare

LONGEST_WAIT_S = 12.0
FILE = "model.onnx"
SWAPPED = "another file, put there after the manifest was read"


def served(server: GcsServer, proxy: FaultProxy, bucket: str, prefix: str, bundle: PublishedBundle) -> App:
    server.put_folder(bucket, prefix, bundle.folder)
    settings = Settings(model_uri=f"gs://{bucket}/{prefix}", model_digest=bundle.digest)
    return build(settings, store=GcsStore(bucket, prefix, client=server.client(proxy.url)))


def loads(app: App) -> bool:
    try:
        app.models.get_blocking()
    except ModelUnavailable:
        return False
    return True


def fault_of(name: str, server: GcsServer, bucket: str, prefix: str) -> Fault:
    if name == SWAPPED:
        return only("manifest.json?", lambda _: server.put(bucket, f"{prefix}/{FILE}", b"another model"), times=1)
    return only(f"{FILE}?", FAULTS[name])


def suffer(name: str, server: GcsServer, bucket: str, bundle: PublishedBundle, log: Log) -> tuple[str, ...]:
    """One row of the table."""
    proxy = FaultProxy(server.port)
    try:
        prefix = f"{[*FAULTS, SWAPPED].index(name):02}"
        app = served(server, proxy, bucket, prefix, bundle)
        proxy.fault = fault_of(name, server, bucket, prefix)
        started = time.monotonic()
        loaded = loads(app)
        assert time.monotonic() - started < LONGEST_WAIT_S + 3  # The machine may be busy.
        requests = sum(f"{FILE}?" in path for path in proxy.paths)
        failures = [line for line in log.lines("model_load_failed") if f"{bucket}/{prefix}" in line["uri"]]
        assert len(failures) == (0 if loaded else 1)
        proxy.fault = None
        server.put(bucket, f"{prefix}/{FILE}", (bundle.folder / FILE).read_bytes())
        wait_until(lambda: loads(app), f"recovery from {name}", 60)
        assert all(line["uri"].startswith(f"gs://{bucket}/{prefix}") for line in failures)
        cause, phase = (failures[0]["error_type"], failures[0]["phase"]) if failures else ("", "")
        return name, "200" if loaded else "503", cause, phase, "one" if requests == 1 else "several", "yes"
    finally:
        proxy.stop()


@pytest.mark.slow
def test_every_fault_is_named_and_survived(gcs_server: GcsServer, bucket: str, bundle: PublishedBundle) -> None:
    names = [*FAULTS, SWAPPED]
    with captured_log() as log, ThreadPoolExecutor(len(names)) as pool:
        rows = list(pool.map(lambda name: suffer(name, gcs_server, bucket, bundle, log), names))
    assert not [thread for thread in threading.enumerate() if thread.name == "load-model"]
    compare(
        "model faults",
        [("the file arrives ...", "answer", "log: `error_type`", "`phase`", "requests", "recovers"), *rows],
    )


def cut_at(count_bytes: int, answer: Answer) -> None:
    answer.sent_bytes = count_bytes


@pytest.mark.slow
def test_a_file_that_is_cut_anywhere_is_asked_for_again(
    gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, bundle: PublishedBundle
) -> None:
    files = {file.name: file.stat().st_size for file in bundle.folder.iterdir() if file.suffix in (".json", ".onnx")}
    for name, size in files.items():
        for cut in range(0, size, min(1024, size // 3) if FULL else size // 3 + 1):
            app = served(gcs_server, gcs_proxy, bucket, f"{name}-{cut}", bundle)
            gcs_proxy.fault = only(f"{name}?", partial(cut_at, cut), times=1)
            assert loads(app), (name, cut)
