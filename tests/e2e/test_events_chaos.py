"""Five hundred messages through Google's emulator under many faults: nothing is lost, and order is kept.

The function is killed at random moments, also between publishing and answering; some answers come after the ack
deadline; the model store refuses for a while; some messages can never be scored, and some kill every process that takes
them.
"""

import json
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bundles import PublishedBundle, random_penguins
from tests.support.events import BAD_ROW
from tests.support.fault_proxy import FaultProxy, only
from tests.support.gcs import GcsServer
from tests.support.processes import PROJECT, wait_until
from tests.support.pubsub import PubSubEmulator, Received
from tests.support.push_gateway import PushGateway
from tests.support.supervisor import Supervisor

MESSAGES = 500
KEYS = 5
KILLS = 6
MAX_ATTEMPTS = 5
SEED = 20261123
TIME_LIMIT_S = 150.0  # To fail, not to measure: on an idle machine it takes about a minute.


def chaos(attributes: dict[str, str], attempt: int) -> str:
    """The fault to inject into a delivery, by the plan that the message carries."""
    plan = attributes.get("plan", "")
    return plan if plan == "die before publishing" or attempt == 1 else ""


def messages() -> list[tuple[bytes, dict[str, str], str]]:
    """Data, attributes, ordering key; attribute `n` numbers them."""
    rng = random.Random(SEED)
    penguins = [penguin.model_dump_json().encode() for penguin in random_penguins(MESSAGES, seed=7)[0]]
    plans = dict.fromkeys(range(40, 480, 44), "die after publishing")
    plans |= dict.fromkeys((484, 489, 494), "answer late")  # When the killing is over, or they would not live so long.
    plans |= {150: "die before publishing", 350: "die before publishing"}
    made = []
    for n, row in enumerate(penguins):
        attributes = {"n": str(n)}
        data = row
        if n in plans:
            attributes["plan"] = plans[n]
        elif n % 10 == 3:
            data = rng.choice([b"{", b"[]", BAD_ROW, b"\xff\xfe"])
        elif n % 10 == 6:
            data = b'{"instances": [' + b",".join([row, BAD_ROW, row]) + b"]}"
        elif n % 10 == 8:
            data, attributes["content-type"] = b"\n".join([row, b"{", row]), "application/x-ndjson"
        if n % 5 == 2:
            attributes["key"] = f"nest-{n // 5 % KEYS}"
        made.append((data, attributes, attributes.get("key", "")))
    return made


@pytest.fixture
def gateway() -> Iterator[PushGateway]:
    gateway = PushGateway(chaos=chaos)
    yield gateway
    gateway.stop()


@pytest.mark.slow
def test_nothing_is_lost_and_repeats_are_identical(
    pubsub: PubSubEmulator,
    gcs_server: GcsServer,
    gcs_proxy: FaultProxy,
    bucket: str,
    bundle: PublishedBundle,
    gateway: PushGateway,
    tmp_path: Path,
) -> None:
    run = uuid.uuid4().hex[:8]
    topics = {name: pubsub.create_topic(f"{name}-{run}") for name in ("in", "ordered", "results", "rejects", "dead")}
    outputs = {
        name: pubsub.subscribe(topics[name], f"{name}-{run}", enable_message_ordering=name == "results")
        for name in ("results", "rejects", "dead")
    }
    env = {
        **pubsub.env,
        "STORAGE_EMULATOR_HOST": gcs_proxy.url,
        "MODEL_URI": gcs_server.put_folder(bucket, "root/v1", bundle.folder),
        "MODEL_DIGEST": bundle.digest,
        "RESULTS_TOPIC": topics["results"],
        "REJECTS_TOPIC": topics["rejects"],
    }
    supervisor = Supervisor(
        env,
        tmp_path,
        source=PROJECT / "tests/support/chaotic_main.py",
        on_start=lambda process: setattr(gateway, "backend", process.url),
    )
    sent = messages()
    try:
        # Separately, because the emulator stops when an ordered subscription has dead letters. What is ordered is
        # therefore delivered until it succeeds.
        unordered = pubsub.push(topics["in"], f"in-{run}", gateway.url, dead_letter_topic=topics["dead"])
        ordered = pubsub.push(topics["ordered"], f"ordered-{run}", gateway.url, ordered=True)
        names = _publish(pubsub, sent, (topics["in"], unordered), (topics["ordered"], ordered))
        numbers = {name: n for n, name in enumerate(names)}
        _inject_faults(supervisor, gateway, gcs_proxy)
        received = _collect(pubsub, outputs, numbers, gateway)
    finally:
        supervisor.stop()

    results = [(numbers[_name_in(message)], message) for message in received["results"]]
    rejects = [(numbers[_name_in(message)], message) for message in received["rejects"]]
    dead = {int(message.attributes["n"]) for message in received["dead"]}

    assert {n for n, _ in results} | {n for n, _ in rejects} | dead == set(range(MESSAGES))
    assert not {n for n, _ in results} & {n for n, _ in rejects}
    for outcomes in (results, rejects):
        bodies = defaultdict(set)
        for n, message in outcomes:
            bodies[n].add(message.data)
        assert {n: len(different) for n, different in bodies.items() if len(different) > 1} == {}
    _assert_ordered(results)
    for n in dead:
        answers = gateway.answers[names[n]]
        assert (len(answers), 204 in answers) == (MAX_ATTEMPTS, False), (
            f"message {n} became a dead letter after {answers}"
        )
    assert _planned(sent, "die before publishing") <= dead

    # The faults really happened. (A kill may come before the fault that a message carries.)
    repeated = {n for n, count in Counter(n for n, _ in results).items() if count > 1}
    assert len(repeated & _planned(sent, "die after publishing")) >= 3
    assert repeated & _planned(sent, "answer late")
    assert len(supervisor.processes) > KILLS / 2
    assert supervisor.log_lines("model_load_failed") > 0
    print(
        f"{len(results)} results, {len(rejects)} rejects, {len(dead)} dead letters, {len(repeated)} repeated;"
        f" {sum(map(len, gateway.answers.values()))} deliveries, {len(supervisor.processes)} processes"
    )


def _planned(sent: list[tuple[bytes, dict[str, str], str]], plan: str) -> set[int]:
    return {n for n, (_, attributes, _) in enumerate(sent) if attributes.get("plan") == plan}


def _publish(
    pubsub: PubSubEmulator,
    sent: list[tuple[bytes, dict[str, str], str]],
    unordered: tuple[str, str],
    ordered: tuple[str, str],
) -> list[str]:
    """Publish to (topic, subscription) by whether there is an ordering key; "subscription id" of each message."""
    names = [""] * len(sent)
    for (topic, subscription), with_key in ((ordered, True), (unordered, False)):
        chosen = [n for n, (_, _, key) in enumerate(sent) if bool(key) is with_key]
        for n, message_id in zip(chosen, pubsub.publish(topic, [sent[n] for n in chosen]), strict=True):
            names[n] = f"{subscription} {message_id}"
    return names


def _name_in(message: Received) -> str:
    """As the gateway calls the message that a result or reject is about."""
    document = message.document
    return f"{document['source'].removeprefix('//pubsub.googleapis.com/')} {document['message_id']}"


def _inject_faults(supervisor: Supervisor, gateway: PushGateway, store: FaultProxy) -> None:
    """Kill at random points of progress; once, let the restarted process find a store that refuses."""
    rng = random.Random(SEED)
    points = sorted(rng.sample(range(30, 420), KILLS))
    for index, point in enumerate(points):
        wait_until(lambda point=point: len(gateway.answers) >= point, f"{point} messages", TIME_LIMIT_S)  # type: ignore[misc]
        if index != len(points) // 2:
            supervisor.kill()
            continue
        store.fault = only("", lambda answer: setattr(answer, "status", 403))
        supervisor.kill()
        wait_until(lambda: supervisor.log_lines("message_failed") >= 10, "refused messages", TIME_LIMIT_S)
        store.fault = None


def _collect(
    pubsub: PubSubEmulator, outputs: dict[str, str], numbers: dict[str, int], gateway: PushGateway
) -> dict[str, list[Received]]:
    """Pull until every message has come out somewhere and nothing is delivered any more."""
    received: dict[str, list[Received]] = {name: [] for name in outputs}
    deadline = time.monotonic() + TIME_LIMIT_S
    while True:
        idle = gateway.idle_s() > 12  # An ack deadline, and some.
        for name, subscription in outputs.items():
            while batch := pubsub.pull(subscription, timeout_s=1.0):
                received[name] += batch
        seen = {numbers[_name_in(message)] for name in ("results", "rejects") for message in received[name]}
        seen |= {int(message.attributes["n"]) for message in received["dead"]}
        if idle and len(seen) == len(numbers):
            return received
        missing = sorted(set(numbers.values()) - seen)
        assert time.monotonic() < deadline, json.dumps({"missing": missing[:20], "count": len(missing)})


def _assert_ordered(results: list[tuple[int, Received]]) -> None:
    """Within a key, the first result of each message came in the order of the messages."""
    first: dict[str, list[int]] = defaultdict(list)
    for n, message in results:
        if message.ordering_key and n not in first[message.ordering_key]:
            first[message.ordering_key].append(n)
    assert len(first) == KEYS
    for numbers in first.values():
        assert numbers == sorted(numbers)
