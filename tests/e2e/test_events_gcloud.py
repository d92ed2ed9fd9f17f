"""The real `gcloud functions call` against the real function; only the control plane is fake."""

import base64
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartFunction
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.events import ROW, push_document
from tests.support.fake_functions_api import FakeFunctionsApi, Gcloud
from tests.support.processes import FunctionProcess
from tests.support.pubsub import PubSubEmulator


@pytest.fixture
def topics(pubsub: PubSubEmulator) -> dict[str, str]:
    return {kind: pubsub.create_topic(f"{kind}-{uuid.uuid4().hex}") for kind in ("results", "rejects")}


@pytest.fixture
def results(pubsub: PubSubEmulator, topics: dict[str, str]) -> str:
    """A subscription."""
    return pubsub.subscribe(topics["results"], f"results-{uuid.uuid4().hex}")


@pytest.fixture
def function(
    start_function: StartFunction, bundle: PublishedBundle, pubsub: PubSubEmulator, topics: dict[str, str]
) -> FunctionProcess:
    env = {**bundle.env, **pubsub.env, "RESULTS_TOPIC": topics["results"], "REJECTS_TOPIC": topics["rejects"]}
    return start_function(env, target="score")


@pytest.fixture
def gcloud(function: FunctionProcess, tmp_path: Path) -> Iterator[Gcloud]:
    api = FakeFunctionsApi(function.url)
    yield Gcloud(api, tmp_path)
    assert api.lookups
    api.stop()


def published(pubsub: PubSubEmulator, results: str) -> dict[str, Any]:
    (message,) = pubsub.pull_all(results, until=lambda so_far: len(so_far) == 1)
    return message.document


EVENT = {"specversion": "1.0", "id": "7", "source": "//field", "type": "penguin.seen", "time": "2026-01-02T03:04:05Z"}


@pytest.mark.parametrize(
    "event",
    [
        {**EVENT, "data": EXAMPLE},
        # gcloud sends extensions as headers without their prefix.
        {**EVENT, "datacontenttype": "application/json", "station": "Palmer", "data": EXAMPLE},
        {**EVENT, "type": "google.cloud.pubsub.topic.v1.messagePublished", "data": push_document()},
    ],
)
def test_call_with_a_cloud_event_scores_it(
    gcloud: Gcloud, pubsub: PubSubEmulator, results: str, event: dict[str, Any]
) -> None:
    call = gcloud.call("score", f"--cloud-event={json.dumps(event)}")
    assert call.returncode == 0, call.stderr
    assert published(pubsub, results)["predictions"][0]["prediction"] == "Adelie"


def test_call_with_data_scores_a_push_written_by_hand(gcloud: Gcloud, pubsub: PubSubEmulator, results: str) -> None:
    data = base64.b64encode(ROW).decode()
    call = gcloud.call("score", "--data", json.dumps({"message": {"data": data}}))
    assert call.returncode == 0, call.stderr
    assert published(pubsub, results)["predictions"][0]["prediction"] == "Adelie"


def test_call_without_an_event_fails(gcloud: Gcloud) -> None:
    call = gcloud.call("score", "--data", json.dumps(EXAMPLE))
    assert call.returncode != 0
    assert "400" in call.stderr
