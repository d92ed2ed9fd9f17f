"""`score` in a real process: the three shapes, rejects through Google's emulator, and what a start imports."""

import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle
from tests.support.events import BAD_ROW, ROW, binary_event, push_document, raw_push, structured_event
from tests.support.processes import PROJECT, wait_until
from tests.support.pubsub import ACK_DEADLINE_S, PubSubEmulator
from tests.support.push_gateway import PushGateway

DATA = b'{"instances": [' + ROW + b"," + BAD_ROW + b"]}"


@pytest.fixture
def gateway() -> Iterator[PushGateway]:
    gateway = PushGateway()
    yield gateway
    gateway.stop()


def test_the_three_shapes_give_byte_identical_results(start_function: StartFunction, bundle: PublishedBundle) -> None:
    function = start_function(bundle.env, target="score")
    for shape in (raw_push, binary_event, structured_event):
        headers, body = shape(push_document(DATA, attributes={"station": "Palmer"}))
        assert httpx.post(function.url, headers=headers, content=body, timeout=30).status_code == 204
    bodies = [line["body"] for line in function.log_lines("result_published")]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1


def test_messages_that_can_never_be_scored_are_rejected_once_and_not_redelivered(
    pubsub: PubSubEmulator, gateway: PushGateway, start_function: StartFunction, bundle: PublishedBundle
) -> None:
    run = uuid.uuid4().hex
    topics = {name: pubsub.create_topic(f"{name}-{run}") for name in ("in", "results", "rejects")}
    rejects = pubsub.subscribe(topics["rejects"], f"rejects-{run}")
    env = {**bundle.env, **pubsub.env, "RESULTS_TOPIC": topics["results"], "REJECTS_TOPIC": topics["rejects"]}
    function = start_function(env, target="score")
    gateway.backend = function.url
    pubsub.push(topics["in"], f"in-{run}", gateway.url)
    unscorable = [(b"{", {"station": "Palmer"}, ""), (b"\xff", {}, ""), (BAD_ROW, {}, "")]
    ids = pubsub.publish(topics["in"], unscorable)
    received = pubsub.pull_all(rejects, until=lambda so_far: len(so_far) >= len(unscorable))
    wait_until(lambda: gateway.idle_s() > ACK_DEADLINE_S + 1, "the time in which they would be redelivered")
    assert pubsub.pull(rejects) == []
    assert sorted(gateway.answers.values()) == [[204]] * len(unscorable)
    by_id = {message.document["message_id"]: message.document for message in received}
    first = by_id[ids[0]]
    assert (first["reason"], first["data"]) == ("malformed_json", "ew==")
    assert first["attributes"] == [{"key": "station", "value": "Palmer"}]
    assert [by_id[message_id]["reason"] for message_id in ids[1:]] == ["malformed_json", "invalid_input"]


def test_a_startup_probe_can_pass(start_function: StartFunction, bundle: PublishedBundle) -> None:
    function = start_function(bundle.env, target="score")
    assert httpx.get(f"{function.url}/ready", timeout=30).json()["status"] == "ready"
    assert httpx.get(f"{function.url}/health", timeout=30).json() == {"status": "ok"}


def test_a_bad_topic_stops_the_start(start_function: StartFunction, bundle: PublishedBundle) -> None:
    function = start_function({**bundle.env, "RESULTS_TOPIC": "no topic"}, target="score", wait=False)
    assert function.process.wait(60) == 1
    assert "RESULTS_TOPIC" in function.log_lines("cannot_start")[0]["message"]


def test_a_start_of_score_does_not_import_the_pubsub_client(
    start_function: StartFunction, bundle: PublishedBundle, pubsub: PubSubEmulator
) -> None:
    """Nor does it matter to the first message, which waits for the client and is then published."""
    topic = pubsub.create_topic(f"results-{uuid.uuid4().hex}")
    subscription = pubsub.subscribe(topic, f"results-{uuid.uuid4().hex}")
    env = {**bundle.env, **pubsub.env, "RESULTS_TOPIC": topic}
    spying = start_function(env, target="spy_score", source=PROJECT / "tests/support/spying_main.py")
    modules = set(httpx.get(f"{spying.url}/modules", timeout=30).json())
    assert not {"google.cloud.pubsub_v1", "grpc", "onnxruntime"} & modules
    headers, body = raw_push(push_document())
    assert httpx.post(spying.url, headers=headers, content=body, timeout=30).status_code == 204
    assert "google.cloud.pubsub_v1" in httpx.get(f"{spying.url}/modules", timeout=30).json()
    (message,) = pubsub.pull_all(subscription, until=lambda so_far: len(so_far) == 1)
    assert message.document["predictions"][0]["prediction"] == "Adelie"


def test_predict_pays_nothing_for_events(start_function: StartFunction, bundle: PublishedBundle) -> None:
    env = {**bundle.env, "RESULTS_TOPIC": "projects/p/topics/results", "RESULTS_BUCKET": "results"}
    spying = start_function(env, target="spy", source=PROJECT / "tests/support/spying_main.py")
    modules = set(httpx.get(f"{spying.url}/modules", timeout=30).json())
    assert not {name for name in modules if name.startswith(("predictor.events", "google.cloud.pubsub", "grpc"))}
