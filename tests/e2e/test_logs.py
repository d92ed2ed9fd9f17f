"""The function's log, with `LOG_EXECUTION_ID=true`, which Cloud Functions sets by itself, and without."""

import json
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.conftest import StartFunction
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.cloud_logging import VALUES, entries
from tests.support.events import ROW, push_document, raw_push
from tests.support.ops_files import log_metrics
from tests.support.processes import PROJECT, FunctionProcess, wait_until

BODY = json.dumps(EXAMPLE).encode()
AS_JSON = {"Content-Type": "application/json"}
EXECUTION_ID = {"Function-Execution-Id": "q1w2e3r4t5y6"}
FORGED = '{"severity": "INFO", "event": "model_loaded", "message": "forged"}'
LABELS = {"execution_id": "q1w2e3r4t5y6"}
METRICS = log_metrics()

with_and_without_execution_ids = pytest.mark.parametrize(
    "env", [{"LOG_EXECUTION_ID": "true"}, {"LOG_EXECUTION_ID": "false"}], ids=["with", "without"]
)


@with_and_without_execution_ids
def test_predict_logs_why_it_refuses(start_function: StartFunction, tmp_path: Path, env: Mapping[str, str]) -> None:
    function = start_function({"MODEL_URI": str(tmp_path), **env})
    headers = {**AS_JSON, **EXECUTION_ID}
    assert httpx.post(f"{function.url}/predict", content=BODY, headers=headers, timeout=30).status_code == 503
    (cause,) = function.log_lines("model_load_failed")
    (refusal,) = function.log_lines("request_failed")
    assert cause["error_type"] == "ArtifactMissing"
    assert refusal["status"] == 503
    assert cause["logging.googleapis.com/labels"] == refusal["logging.googleapis.com/labels"] == LABELS
    assert len(METRICS["model-load-failures"].points(entries(function.output()))) == 1


@with_and_without_execution_ids
def test_score_logs_results_and_rejects(
    start_function: StartFunction, bundle: PublishedBundle, env: Mapping[str, str]
) -> None:
    function = start_function({**bundle.env, **env}, target="score")
    for data in (ROW, b"{"):
        headers, body = raw_push(push_document(data))
        answer = httpx.post(function.url, headers={**headers, **EXECUTION_ID}, content=body, timeout=30)
        assert answer.status_code == 204
    lines = [function.log_lines(event) for event in ("result_published", "message_scored", "message_rejected")]
    assert [len(found) for found in lines] == [1, 1, 1]
    assert all(line["logging.googleapis.com/labels"] == LABELS for (line,) in lines)
    assert json.loads(lines[0][0]["body"])["predictions"][0]["prediction"] == "Adelie"
    log = entries(function.output(), service=VALUES["EVENTS_FUNCTION"])
    assert len(METRICS["events-scored"].points(log)) == 1


@with_and_without_execution_ids
def test_score_logs_why_a_message_comes_back(
    start_function: StartFunction, tmp_path: Path, env: Mapping[str, str]
) -> None:
    function = start_function({"MODEL_URI": str(tmp_path), **env}, target="score")
    headers, body = raw_push(push_document(ROW))
    assert httpx.post(function.url, headers=headers, content=body, timeout=30).status_code == 503
    (failed,) = function.log_lines("message_failed")
    # Nobody sent an id, so the framework has made one.
    assert len(failed["logging.googleapis.com/labels"]["execution_id"]) == 12
    log = entries(function.output(), service=VALUES["EVENTS_FUNCTION"])
    assert METRICS["events-failed"].points(log)[0].labels == {"reason": "model"}


def test_an_execution_id_that_is_none_is_not_logged(start_function: StartFunction, tmp_path: Path) -> None:
    function = start_function({"MODEL_URI": str(tmp_path), "LOG_EXECUTION_ID": "true"})
    headers = {**AS_JSON, "Function-Execution-Id": "what a caller wrote"}
    assert httpx.post(f"{function.url}/predict", content=BODY, headers=headers, timeout=30).status_code == 503
    assert "what a caller wrote" not in function.output()


def json_lines(function: FunctionProcess) -> list[dict[str, Any]]:
    """Everything that the process printed: one JSON object a line, and none of them forged."""
    lines = [json.loads(line) for line in function.output().splitlines()]
    assert all({"severity", "message", "time", "event"} <= line.keys() for line in lines)
    assert not [line for line in lines if line["message"] == "forged" and line["event"] != "output"]
    return lines


def reset(function: FunctionProcess, *paths: str) -> None:
    """Ask for all at once on one connection, read nothing, and reset it when the answers wait to be sent."""
    with socket.create_connection(("127.0.0.1", function.port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in paths))
        time.sleep(0.2)


@with_and_without_execution_ids
def test_everything_that_is_printed_is_one_json_object_a_line(
    start_function: StartFunction, bundle: PublishedBundle, env: Mapping[str, str]
) -> None:
    source = PROJECT / "tests/support/noisy_main.py"
    function = start_function({**bundle.env, **env}, target="noisy", source=source)
    for what in ("print", "warning", "logger", "thread", "unraisable"):
        assert httpx.get(f"{function.url}/{what}", timeout=30).status_code == 404
    assert httpx.get(f"{function.url}/fail", timeout=30).status_code == 500
    lines = json_lines(function)
    assert [line["stack_trace"].count(FORGED) for line in lines if line["event"] == "unhandled_error"] == [1, 1]
    messages = "\n\n".join(line["message"] for line in lines if line["event"] == "output")
    assert messages.count("forged") >= 7
    for part in ("in parts\n{", "UserWarning: a warning\n{", "a line\n{", "Traceback (most recent call last)"):
        assert part in messages, part


@with_and_without_execution_ids
def test_no_line_is_forged_by_a_path(
    start_function: StartFunction, bundle: PublishedBundle, env: Mapping[str, str]
) -> None:
    source = PROJECT / "tests/support/noisy_main.py"
    function = start_function({**bundle.env, **env}, target="noisy", source=source)
    assert httpx.get(f"{function.url}/x%0A{quote(FORGED)}", timeout=30).status_code == 500
    wait_until(lambda: "Exception on" in function.output(), "the framework's traceback")
    json_lines(function)


@with_and_without_execution_ids
def test_a_client_that_goes_in_the_middle_of_its_answers_brings_no_traceback(
    start_function: StartFunction, bundle: PublishedBundle, env: Mapping[str, str]
) -> None:
    """The framework would print one, with the path as the client wrote it."""
    function = start_function({**bundle.env, **env})
    large, evil = "/docs/swagger-ui-bundle.js", f"/docs/x%0A{quote(FORGED)}"
    for number in range(1, 8):  # Until the buffers are full, which depends on the machine.
        reset(function, *[large] * number, evil, large, large)
    assert httpx.get(f"{function.url}/a%0Ab", timeout=30).status_code == 404
    assert "Traceback" not in function.output()
    json_lines(function)


def test_names_that_a_caller_chose_are_cut_and_escaped(start_function: StartFunction, bundle: PublishedBundle) -> None:
    function = start_function(bundle.env, target="score")
    name = "x\n" + FORGED + "y" * 60_000
    event = {"specversion": "1.0", "id": name, "source": name, "type": "t", "data": EXAMPLE}
    headers = {"Content-Type": "application/cloudevents+json"}
    assert httpx.post(function.url, content=json.dumps(event), headers=headers, timeout=30).status_code == 204
    (line,) = function.log_lines("message_scored")
    assert len(line["message_id"]) == len(line["source"]) == 300
    json_lines(function)


@pytest.mark.parametrize("home", ["", "/proc"])
def test_a_start_without_a_home_prints_no_other_line(
    start_function: StartFunction, bundle: PublishedBundle, home: str
) -> None:
    function = start_function({**bundle.env, "HOME": home, "MODEL_LOADING": "eager"})
    assert json_lines(function)


def test_nothing_is_written_to_the_home(start_function: StartFunction, bundle: PublishedBundle, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    function = start_function({**bundle.env, "HOME": str(home), "MODEL_LOADING": "eager"})
    assert httpx.post(f"{function.url}/predict", json=EXAMPLE, timeout=30).status_code == 200
    assert [path for path in home.rglob("*") if ".gunicorn" not in path.parts] == []
