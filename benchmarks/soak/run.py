"""Starts everything that a soak needs, lets it run, and stops it."""

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from benchmarks.paths import ROOT
from benchmarks.soak.birds import Birds, make_birds
from benchmarks.soak.event_traffic import NOTES, RESULTS, Events
from benchmarks.soak.faults import KILLED, MODELS, run_faults
from benchmarks.soak.http_traffic import answered, ask_batches, ask_plain, read_slowly, write_slowly
from benchmarks.soak.record import Memory, Record
from tests.support.bundles import publish_by_hand
from tests.support.fault_proxy import FaultProxy
from tests.support.gcs import GcsServer
from tests.support.pubsub import PubSubEmulator
from tests.support.push_gateway import PushGateway
from tests.support.supervisor import Supervisor

PREDICT, SCORE, ECHO = "predict", "score", "echo"
PLAIN_PER_S: Final = 20.0
MESSAGES_PER_S: Final = 10.0
FAULTS: Final = 8
"""Kinds of faults: a short run has each of them once."""
MIN_SLOT_S, MAX_SLOT_S = 6.0, 20.0
MEMORY_SAMPLES: Final = 400


def soak(duration_s: float, folder: Path) -> Record:
    """Runs for `duration_s` seconds, and then until every message has come out. Leaves the logs in `folder`."""
    with ExitStack() as stack:
        world = World(stack, folder)
        record = Record(duration_s)
        events = [world.add_score(name, record) for name in (SCORE, KILLED[SCORE])]
        for name in (PREDICT, KILLED[PREDICT]):
            world.add_function(name, "predict", world.model_env)
        world.add_function(ECHO, "predict", {}, source=ROOT / "benchmarks/contenders/apps/echo.py")
        for supervisor in world.functions.values():
            supervisor.current.wait_until_up()
        record.start()
        _run(world, record, events)
        for item in events:
            item.count()
        record.figures["processes killed"] = sum(len(item.processes) - 1 for item in world.functions.values())
        record.figures["log lines that are not JSON"] = world.foreign_lines()
    return record


def _run(world: "World", record: Record, events: list[Events]) -> None:
    functions = world.functions
    slot_s = min(MAX_SLOT_S, max(MIN_SLOT_S, record.duration_s / FAULTS))
    killed = {name: functions[KILLED[name]] for name in (PREDICT, SCORE)}
    echo_port = partial(_port, functions[ECHO])
    jobs: list[Callable[[], object]] = [
        partial(ask_plain, record, ECHO, echo_port, world.birds, per_s=PLAIN_PER_S, check=answered),
        partial(_measure_memory, record, {name: functions[name] for name in (PREDICT, SCORE)}),
        partial(run_faults, record, world.proxy, world.pubsub, slot_s=slot_s, **killed),
    ]
    for name in (PREDICT, KILLED[PREDICT]):
        port = partial(_port, functions[name])
        jobs.append(partial(ask_plain, record, name, port, world.birds, per_s=PLAIN_PER_S))
        jobs += [partial(job, record, name, port, world.birds) for job in (ask_batches, read_slowly, write_slowly)]
    for item in events:
        jobs += [partial(item.send, MESSAGES_PER_S), item.collect]
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        record.over.wait(record.duration_s)
    finally:
        record.over.set()
        for thread in threads:
            thread.join()


def _port(supervisor: Supervisor) -> int:
    return supervisor.current.port


def _measure_memory(record: Record, functions: dict[str, Supervisor]) -> None:
    while not record.over.wait(max(1.0, record.duration_s / MEMORY_SAMPLES)):
        for name, supervisor in functions.items():
            with suppress(psutil.Error):
                (worker,) = psutil.Process(supervisor.current.process.pid).children()
                record.memory.append(Memory(name, record.now_s, worker.memory_info().rss / 1024**2))


class World:
    """Object store, Pub/Sub and functions; everything is stopped with `stack`."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        bundle = publish_by_hand(folder / "model", linear=True)
        self.birds: Birds = make_birds(bundle)
        self.gcs = GcsServer()
        stack.callback(self.gcs.stop)
        for bucket in (MODELS, NOTES, RESULTS):
            self.gcs.create_bucket(bucket)
        self.proxy = FaultProxy(self.gcs.port)
        stack.callback(self.proxy.stop)
        self.pubsub = PubSubEmulator(folder / "pubsub.log")
        stack.callback(self.pubsub.stop)
        self.model_env = {
            "STORAGE_EMULATOR_HOST": self.proxy.url,
            "MODEL_URI": self.gcs.put_folder(MODELS, "v1", bundle.folder),
            "MODEL_DIGEST": bundle.digest,
        }
        self.functions: dict[str, Supervisor] = {}

    def add_function(self, name: str, target: str, env: dict[str, str], **options: object) -> None:
        folder = self._folder / name.replace(", ", "-")
        folder.mkdir(parents=True)
        supervisor = Supervisor(env, folder, target=target, **options)  # type: ignore[arg-type]
        self._stack.callback(supervisor.stop)
        self.functions[name] = supervisor

    def add_score(self, name: str, record: Record) -> Events:
        gateway = PushGateway()
        self._stack.callback(gateway.stop)
        events = Events(self.pubsub, self.gcs, gateway, self.birds, record, name.replace(", ", "-"))
        env = {**self.model_env, **self.pubsub.env, "RESULTS_BUCKET": RESULTS}
        env |= {"RESULTS_TOPIC": events.results, "REJECTS_TOPIC": events.rejects}
        self.add_function(name, "score", env, on_start=lambda process: setattr(gateway, "backend", process.url))
        return events

    def foreign_lines(self) -> int:
        """Lines of the functions' output that are not JSON, except one that a kill cut off."""
        ours = [supervisor for name, supervisor in self.functions.items() if name != ECHO]
        outputs = [process.output() for supervisor in ours for process in supervisor.processes]
        complete = [output[: output.rfind("\n") + 1] for output in outputs]
        return sum(not _is_json(line) for output in complete for line in output.splitlines())


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
