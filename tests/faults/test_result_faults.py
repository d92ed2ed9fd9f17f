"""Every fault of the store while a file is read from a bucket, and while its results are written to another."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from predictor.artifacts.local_store import LocalStore
from predictor.errors import BadObject, StoreUnavailable
from predictor.events import BucketScorer
from predictor.events.notifications import SCORED_SUFFIX
from predictor.models import LoadedModel, load_model
from predictor.schema import FEATURES
from tests.faults.faults import FAULTS
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.fault_proxy import Answer, Fault, FaultProxy
from tests.support.gcs import GcsServer
from tests.support.reliability_page import compare

ROWS = 300
CSV = (",".join(FEATURES) + "\n" + (",".join(str(EXAMPLE[name]) for name in FEATURES) + "\n") * ROWS).encode()
TIMEOUT_S = 6.0
STEPS = ("read", "write")


@pytest.fixture(scope="module")
def model(bundle: PublishedBundle) -> LoadedModel:
    return load_model(LocalStore(bundle.folder), pin=bundle.digest, choice="onnx", deadline=time.monotonic() + 30)


def fault_of(step: str, name: str) -> Fault:
    def fault(path: str, answer: Answer) -> None:
        if ("alt=media" in path) if step == "read" else ("/upload/" in path):
            FAULTS[name](answer)

    return fault


def lines_of(server: GcsServer, bucket: str, name: str) -> list[str]:
    blob = server.client().bucket(bucket).get_blob(name + SCORED_SUFFIX)
    return [] if blob is None else [json.loads(line)["prediction"] for line in blob.download_as_bytes().splitlines()]


def suffer(step: str, name: str, server: GcsServer, bucket: str, model: LoadedModel) -> tuple[str, ...]:
    """One row of the table: what `score` answers to the notification, and what stands in the bucket at the end."""
    proxy = FaultProxy(server.port)
    results = f"{bucket}-results"
    try:
        file = f"{step}-{name}.csv".replace(" ", "-")
        server.put(bucket, file, CSV)
        generation = int(server.client().bucket(bucket).get_blob(file).generation)
        scorer = BucketScorer(results, 10**8, 10**6, server.client(proxy.url), timeout_s=TIMEOUT_S)
        proxy.fault = fault_of(step, name)
        try:
            scored = scorer.score(model, bucket, file, generation)
            answer = "204, result"
            assert (scored.rows, scored.rejected_rows) == (ROWS, 0), name
        except StoreUnavailable:
            answer = "503, again later"
        except BadObject as bad:
            answer = f"204, reject `{bad.reason_code}`"
        proxy.fault = None
        part = "alt=media" if step == "read" else "/upload/"
        requests = "one" if sum(part in path for path in proxy.paths) == 1 else "several"
        # What is in the bucket is whole or not there, whatever happened; the next delivery completes it.
        assert lines_of(server, results, file) in ([], ["Adelie"] * ROWS), name
        if answer.startswith("503"):
            scorer.score(model, bucket, file, generation)
        final = lines_of(server, results, file)
        return step, name, answer, requests, "whole" if final == ["Adelie"] * ROWS else "none"
    finally:
        proxy.stop()


@pytest.mark.slow
def test_no_fault_leaves_a_wrong_result(gcs_server: GcsServer, bucket: str, model: LoadedModel) -> None:
    gcs_server.create_bucket(f"{bucket}-results")
    tasks = [(step, name) for step in STEPS for name in FAULTS]
    with ThreadPoolExecutor(len(tasks)) as pool:
        rows = list(pool.map(lambda task: suffer(task[0], task[1], gcs_server, bucket, model), tasks))
    compare(
        "result faults",
        [("step", "the store's answer ...", "answer of `score`", "requests", "result file at the end"), *rows],
    )
