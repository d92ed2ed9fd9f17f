"""The whole penguin data set through Pub/Sub, on this machine: `make demo-events`.

Starts Google's Pub/Sub emulator (of the gcloud SDK), makes topics and a push subscription, starts the function `score`
behind it, publishes every bird, and prints what comes out.
"""

import contextlib
import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

PROJECT: Final = "demo"
ROOT: Final = Path(__file__).resolve().parents[1]
DATA: Final = ROOT / "predictor/training/data/penguins.csv"
MEASUREMENTS: Final = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
FEATURES: Final = (*MEASUREMENTS, "sex", "island")
TIME_LIMIT_S: Final = 120.0


def main() -> int:
    command = _emulator_command()
    if command is None:
        print("This needs java and gcloud's Pub/Sub emulator: gcloud components install pubsub-emulator.")
        return 1
    emulator_port, function_port = _free_port(), _free_port()
    os.environ |= {"PUBSUB_EMULATOR_HOST": f"127.0.0.1:{emulator_port}", "GOOGLE_CLOUD_PROJECT": PROJECT}
    with _running([*command, "--host=127.0.0.1", f"--port={emulator_port}"], emulator_port, quiet=True):
        topics = {name: f"projects/{PROJECT}/topics/{name}" for name in ("penguins", "results", "rejects")}
        _set_up(topics, f"http://127.0.0.1:{function_port}/")
        function = [sys.executable, "-m", "functions_framework", "--source", str(ROOT / "main.py")]
        os.environ |= {"RESULTS_TOPIC": topics["results"], "REJECTS_TOPIC": topics["rejects"], "LOG_LEVEL": "ERROR"}
        with _running([*function, "--target=score", "--host=127.0.0.1", f"--port={function_port}"], function_port):
            _demonstrate(topics["penguins"])
    return 0


def _set_up(topics: dict[str, str], url: str) -> None:
    from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

    publisher, subscriber = PublisherClient(), SubscriberClient()
    for topic in topics.values():
        publisher.create_topic(request={"name": topic})
    for name in ("results", "rejects"):
        subscriber.create_subscription(request={"name": _subscription(name), "topic": topics[name]})
    subscriber.create_subscription(
        request={
            "name": _subscription("penguins"),
            "topic": topics["penguins"],
            "push_config": {"push_endpoint": url},
        }
    )


def _demonstrate(topic: str) -> None:
    from google.cloud.pubsub_v1 import PublisherClient

    with DATA.open(newline="") as file:
        birds = list(csv.DictReader(file))
    publisher = PublisherClient()
    started = time.monotonic()
    futures = [publisher.publish(topic, json.dumps(_penguin(bird)).encode()) for bird in birds]
    species = {future.result(30): bird["species"] for future, bird in zip(futures, birds, strict=True)}
    print(f"{len(species)} birds published to {topic}.")
    results, rejects = _collect(len(species))
    print(f"After {time.monotonic() - started:.1f} s: {len(results)} results, {len(rejects)} rejects.")
    predicted = {message_id: result["predictions"][0]["prediction"] for message_id, result in results.items()}
    right = sum(species[message_id] == name for message_id, name in predicted.items())
    for name, count in sorted(Counter(predicted.values()).items()):
        print(f"  {name}: {count}")
    print(f"{right} of {len(results)} are what the data set says.")
    for reason, count in Counter(reject["reason"] for reject in rejects.values()).items():
        print(f"Rejected as {reason}: {count} (birds with a missing measurement or sex)")
    print("One result:", json.dumps(next(iter(results.values())), indent=2), sep="\n")


def _penguin(bird: dict[str, str]) -> dict[str, Any]:
    """What the data set knows of a bird; what was not recorded is left out, and the function says what is missing."""
    known = {name: bird[name] for name in FEATURES if bird[name] not in ("", "NA")}
    return {name: float(value) if name in MEASUREMENTS else value for name, value in known.items()}


def _collect(count: int) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Results and rejects by message id; redelivered ones count once."""
    results: dict[str, dict[str, Any]] = {}
    rejects: dict[str, dict[str, Any]] = {}

    def all_there() -> bool:
        for name, found in (("results", results), ("rejects", rejects)):
            found.update({document["message_id"]: document for document in _pull(_subscription(name))})
        return len(results) + len(rejects) >= count

    _wait_until(all_there, "results and rejects of every bird")
    return results, rejects


def _pull(subscription: str) -> list[dict[str, Any]]:
    from google.api_core.exceptions import DeadlineExceeded
    from google.cloud.pubsub_v1 import SubscriberClient

    with SubscriberClient() as subscriber:
        try:
            answer = subscriber.pull(
                request={"subscription": subscription, "max_messages": 1000}, timeout=1.0, retry=None
            )
        except DeadlineExceeded:
            return []
        ack_ids = [received.ack_id for received in answer.received_messages]
        if ack_ids:
            subscriber.acknowledge(request={"subscription": subscription, "ack_ids": ack_ids})
        return [json.loads(received.message.data) for received in answer.received_messages]


def _subscription(name: str) -> str:
    return f"projects/{PROJECT}/subscriptions/{name}"


def _emulator_command() -> list[str] | None:
    gcloud, java = shutil.which("gcloud"), shutil.which("java")
    if gcloud is None or java is None:
        return None
    asked = [gcloud, "info", "--format=value(installation.sdk_root)"]
    sdk = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    jars = sorted(sdk.glob("platform/pubsub-emulator/lib/cloud-pubsub-emulator-*.jar"))
    return [java, "-Xmx256m", "-jar", str(jars[-1])] if jars else None


@contextlib.contextmanager
def _running(command: Sequence[str], port: int, *, quiet: bool = False) -> Iterator[None]:
    """A process, once its port answers; ended at the end."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL if quiet else None, stderr=subprocess.DEVNULL)
    try:
        _wait_until(lambda: _answers(port), command[0])
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIME_LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"Waited {TIME_LIMIT_S:g} s for {what}, without success.")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
