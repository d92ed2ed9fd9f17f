"""Log-based metrics against what the running function really printed, when it works and in every kind of failure."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.conftest import StartFunction
from tests.support.bundles import EXAMPLE, PublishedBundle, publish_by_hand
from tests.support.cloud_logging import VALUES, LogMetric, entries, request_entry
from tests.support.events import ROW, push_document, raw_push
from tests.support.fault_proxy import FaultProxy, only
from tests.support.gcs import GcsServer
from tests.support.ops_files import log_metrics
from tests.support.processes import PROJECT, FunctionProcess, wait_until

AS_JSON = {"Content-Type": "application/json"}
BODY = json.dumps(EXAMPLE).encode()
METRICS = log_metrics()


def counts(function: FunctionProcess) -> dict[str, int]:
    """How many of the function's lines each metric counts, without those that count none."""
    log = entries(function.output())
    found = {name: len(metric.points(log)) for name, metric in METRICS.items()}
    return {name: count for name, count in found.items() if count}


def only_point(metric: LogMetric, function: FunctionProcess) -> tuple[float, dict[str, str]]:
    (point,) = metric.points(entries(function.output()))
    return point.value, dict(point.labels)


def test_a_healthy_function_counts_one_load_and_nothing_else(
    start_function: StartFunction, bundle: PublishedBundle
) -> None:
    function = start_function({**bundle.env, "LOG_REQUESTS": "true"})
    for body in (BODY, b"{", b"{}"):
        httpx.post(f"{function.url}/predict", content=body, headers=AS_JSON, timeout=30)
    httpx.get(f"{function.url}/nothing-here", timeout=30)
    wait_until(lambda: len(function.log_lines("request")) >= 4, "the request lines")
    assert counts(function) == {"model-loads": 1, "model-load-ms": 1}
    assert only_point(METRICS["model-loads"], function) == (
        1.0,
        {"model_version": bundle.folder.name, "engine": "onnx"},
    )
    duration_ms, labels = only_point(METRICS["model-load-ms"], function)
    assert duration_ms == function.log_lines("model_loaded")[0]["duration_ms"]
    assert labels == {"model_version": bundle.folder.name}


def test_the_events_function_loads_and_fails_to_load_the_same_model(
    start_function: StartFunction, bundle: PublishedBundle
) -> None:
    function = start_function({**bundle.env, "MODEL_LOADING": "eager"})
    log = entries(function.output(), service=VALUES["EVENTS_FUNCTION"])
    assert [name for name, metric in METRICS.items() if metric.points(log)] == ["model-load-ms", "model-loads"]


def test_messages_are_counted_by_their_outcome(start_function: StartFunction, bundle: PublishedBundle) -> None:
    function = start_function(bundle.env, target="score")
    undated = push_document(ROW)
    del undated["message"]["publishTime"]
    for document in (push_document(ROW), push_document(b"{"), undated):
        headers, body = raw_push(document)
        assert httpx.post(function.url, headers=headers, content=body, timeout=30).status_code == 204
    assert httpx.post(function.url, content=b"{}", headers=AS_JSON, timeout=30).status_code == 400
    wait_until(lambda: len(function.log_lines("message_scored")) == 2, "the lines")
    log = entries(function.output(), service=VALUES["EVENTS_FUNCTION"])
    found = {name: metric.points(log) for name, metric in METRICS.items()}
    assert {name: len(points) for name, points in found.items() if points} == {
        "model-loads": 1,
        "model-load-ms": 1,
        "events-scored": 2,
        "events-rejected": 1,
        "event-age-s": 2,
    }
    assert {point.labels["model_version"] for point in found["events-scored"]} == {bundle.folder.name}
    assert found["events-rejected"][0].labels == {"reason": "malformed_json"}
    assert all(point.value > 0 for point in found["event-age-s"])
    assert {point.labels["event"] for point in found["event-age-s"]} == {"message_scored", "message_rejected"}
    assert not any(metric.points(entries(function.output())) for name, metric in METRICS.items() if "event" in name)


def test_messages_to_be_redelivered_are_counted_by_reason(start_function: StartFunction, tmp_path: Path) -> None:
    function = start_function({"MODEL_URI": str(tmp_path)}, target="score")
    headers, body = raw_push(push_document(ROW))
    assert httpx.post(function.url, headers=headers, content=body, timeout=30).status_code == 503
    log = entries(function.output(), service=VALUES["EVENTS_FUNCTION"])
    (failed,) = METRICS["events-failed"].points(log)
    assert failed.labels == {"reason": "model"}
    assert [point.labels["event"] for point in METRICS["event-age-s"].points(log)] == ["message_failed"]


def test_the_lines_of_another_service_are_not_counted(start_function: StartFunction, bundle: PublishedBundle) -> None:
    function = start_function({**bundle.env, "MODEL_LOADING": "eager"})
    log = entries(function.output(), service="something-else")
    assert any(entry["jsonPayload"].get("event") == "model_loaded" for entry in log)
    assert not any(metric.points(log) for metric in METRICS.values())


@pytest.mark.parametrize("loading", ["lazy", "eager"])
def test_a_corrupt_model_is_counted_as_a_failure_and_as_corrupt(
    start_function: StartFunction, tmp_path: Path, loading: str
) -> None:
    bundle = publish_by_hand(tmp_path / "bundle")
    (bundle.folder / "model.onnx").write_bytes((bundle.folder / "model.onnx").read_bytes()[::-1])
    function = start_function({**bundle.env, "MODEL_LOADING": loading}, wait=loading == "lazy")
    if loading == "lazy":
        assert httpx.post(f"{function.url}/predict", content=BODY, headers=AS_JSON, timeout=30).status_code == 503
    else:
        function.process.wait(60)
    assert counts(function) == {"model-load-failures": 1, "corrupt-artifacts": 1}
    assert only_point(METRICS["corrupt-artifacts"], function) == (
        1.0,
        {"error_type": "DigestMismatch", "file": "model.onnx"},
    )


@pytest.mark.parametrize(
    ("name", "damage", "error_type"),
    [
        ("model.onnx", lambda data: data[:-1], "SizeMismatch"),
        ("model.onnx", None, "ArtifactMissing"),
        ("manifest.json", lambda data: data + b" ", "DigestMismatch"),
    ],
)
def test_other_damage_is_corrupt_too(
    start_function: StartFunction,
    tmp_path: Path,
    name: str,
    damage: Callable[[bytes], bytes] | None,
    error_type: str,
) -> None:
    bundle = publish_by_hand(tmp_path / "bundle")
    file = bundle.folder / name
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage(file.read_bytes()))
    function = start_function({**bundle.env, "MODEL_LOADING": "eager"}, wait=False)
    function.process.wait(60)
    assert only_point(METRICS["corrupt-artifacts"], function)[1]["error_type"] == error_type


def test_a_store_that_cannot_be_reached_is_a_failure_but_not_corrupt(
    gcs_server: GcsServer, gcs_proxy: FaultProxy, bucket: str, bundle: PublishedBundle, start_function: StartFunction
) -> None:
    uri = gcs_server.put_folder(bucket, "root/v1", bundle.folder)
    gcs_proxy.fault = only("", lambda answer: setattr(answer, "status", 403))
    function = start_function({"STORAGE_EMULATOR_HOST": gcs_proxy.url, "MODEL_URI": uri, "MODEL_DIGEST": bundle.digest})
    assert httpx.post(f"{function.url}/predict", content=BODY, headers=AS_JSON, timeout=30).status_code == 503
    assert counts(function) == {"model-load-failures": 1}
    assert only_point(METRICS["model-load-failures"], function) == (1.0, {"error_type": "StoreUnavailable"})


def test_a_bad_setting_is_counted(start_function: StartFunction, bundle: PublishedBundle) -> None:
    function = start_function({**bundle.env, "MAX_BODY_BYTES": "lots"}, wait=False)
    function.process.wait(60)
    assert counts(function) == {"start-failures": 1}


def test_an_unexpected_error_is_counted(start_function: StartFunction, bundle: PublishedBundle) -> None:
    source = PROJECT / "tests/support/failing_main.py"
    function = start_function({**bundle.env, "MODEL_LOADING": "eager"}, target="failing", source=source)
    assert httpx.get(f"{function.url}/model", timeout=30).status_code == 500
    assert counts(function) == {"model-loads": 1, "model-load-ms": 1, "unhandled-errors": 1}


def test_a_slow_request_is_counted_with_its_path_and_time(
    start_function: StartFunction, bundle: PublishedBundle
) -> None:
    function = start_function({**bundle.env, "MODEL_LOADING": "eager"})
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
        BODY
    )
    with socket.create_connection(("127.0.0.1", function.port)) as slow:
        slow.sendall(head + BODY[:10])
        time.sleep(0.7)  # A caller on a slow line: what makes the request slow, not a wait for anything.
        slow.sendall(BODY[10:])
        assert slow.recv(15).startswith(b"HTTP/1.1 200")
    wait_until(lambda: function.log_lines("slow_request"), "the line")
    assert counts(function) == {"model-loads": 1, "model-load-ms": 1, "slow-request-ms": 1}
    duration_ms, labels = only_point(METRICS["slow-request-ms"], function)
    assert duration_ms > 500
    assert labels == {"path": "/predict"}


def test_every_request_has_a_latency_under_its_path(start_function: StartFunction, bundle: PublishedBundle) -> None:
    function = start_function({**bundle.env, "MODEL_LOADING": "eager"})
    asked = {
        "/predict?details=true": "/predict",
        "/": "/",
        "/health": "/health",
        "/ready": "/ready",
        "/model": "/model",
        "/openapi.json": "/openapi.json",
        "/docs": "/docs",
        "/predict/else": "",  # Paths that are not there are the caller's own words: they share one label.
        "/wp-login.php?x=/predict": "",
    }
    with httpx.Client(base_url=function.url, timeout=30) as client:
        log = [request_entry(client.get(path)) for path in asked]
    points = METRICS["request-s"].points(log)
    assert [point.labels["path"] for point in points] == list(asked.values())
    assert all(0 < point.value < 30 for point in points)
    assert {name: len(metric.points(log)) for name, metric in METRICS.items() if metric.points(log)} == {
        "request-s": len(asked),
        "predictions": 1,  # What a caller asked for: probes and paths that are not there do not count.
    }
    assert METRICS["request-s"].points(entries(function.output())) == []
    assert VALUES["FUNCTION"] in METRICS["request-s"].config["filter"]
