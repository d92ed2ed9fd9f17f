"""The function's log, with `LOG_EXECUTION_ID=true`, which Cloud Functions sets by itself, and without."""

import json
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from tests.conftest import StartFunction
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.cloud_logging import VALUES, entries
from tests.support.events import ROW, push_document, raw_push
from tests.support.ops_files import log_metrics

BODY = json.dumps(EXAMPLE).encode()
AS_JSON = {"Content-Type": "application/json"}
EXECUTION_ID = {"Function-Execution-Id": "q1w2e3r4t5y6"}
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
