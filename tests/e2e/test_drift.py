"""From requests to a decision: what a running function counts, also of its last seconds, is what `drift` reads."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from predictor.training.dataset import load_penguins
from tests.conftest import StartFunction
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.cli import model, run
from tests.support.cloud_logging import entries
from tests.support.events import push_document, raw_push
from tests.support.ops_files import log_metrics
from tests.support.processes import FunctionProcess
from tests.support.traffic import bundle_with_reference

KILLED_AFTER_S = 10


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    return bundle_with_reference(tmp_path_factory.mktemp("with-reference"))


def summary_at_the_end(function: FunctionProcess) -> dict[str, Any]:
    os.kill(function.process.pid, signal.SIGTERM)
    function.process.wait(KILLED_AFTER_S)
    (line,) = function.log_lines("traffic_summary")
    return line


def test_all_requests_are_counted_and_summarised_when_the_instance_ends(
    start_function: StartFunction, published: PublishedBundle, tmp_path: Path
) -> None:
    function = start_function({**published.env, "MODEL_LOADING": "eager", "FEEDBACK": "true"})
    rows = [penguin.model_dump() for penguin in load_penguins().penguins]
    with httpx.Client(base_url=function.url, timeout=60) as client:
        for row in rows[:20]:
            assert client.post("/predict", json=row).status_code == 200
        assert client.post("/predict?details=true", json=rows[20]).status_code == 200
        assert client.post("/predict", json={"instances": [*rows[21:], {}]}).status_code == 200
        assert client.post("/predict", json={**EXAMPLE, "flipper_length_mm": 18.1}).status_code == 422
        assert client.post("/feedback", json={"penguin": EXAMPLE, "species": "Adelie"}).status_code == 202
    line = summary_at_the_end(function)
    assert line["rows"] == len(rows)
    assert line["refused"] == {"out_of_range": 1, "other": 1}
    assert line["feedback"]["pairs"] == {"Adelie": {"Adelie": 1}}
    assert all(item["rows"] == len(rows) for item in line["measurements"].values())
    assert "18.1" not in json.dumps(line)
    (point,) = log_metrics()["unlike-training-share"].points(entries(function.output()))
    assert point.value == line["flagged_share"]

    log = tmp_path / "function.log"
    log.write_text(function.output())
    done = run("drift", str(log), *model(published))
    assert f"{len(rows)} penguins in 1 summaries" in done.stdout, done.output
    # The model of the tests has not been fitted to these birds, and calls some by another name.
    assert "mix in the day" in done.stderr


@pytest.mark.slow
def test_messages_are_counted_too(start_function: StartFunction, published: PublishedBundle) -> None:
    function = start_function(published.env, target="score")
    rows = [penguin.model_dump() for penguin in load_penguins().penguins[:40]]
    headers, body = raw_push(push_document(json.dumps({"instances": rows}).encode()))
    assert httpx.post(function.url, headers=headers, content=body, timeout=60).status_code == 204
    assert summary_at_the_end(function)["rows"] == len(rows)


@pytest.mark.slow
def test_a_few_penguins_leave_no_trace_but_their_number(
    start_function: StartFunction, published: PublishedBundle
) -> None:
    function = start_function(published.env)
    for _ in range(3):
        assert httpx.post(f"{function.url}/predict", json=EXAMPLE, timeout=60).status_code == 200
    line = summary_at_the_end(function)
    assert (line["rows"], line["discarded"]) == (0, 3)
    assert line["groups"] == {}
