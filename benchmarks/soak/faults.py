"""The faults of a soak, one after the other, each for a part of its slot; then again from the first."""

import os
import signal
from collections.abc import Callable
from itertools import cycle
from typing import Final

from benchmarks.soak.record import Record
from tests.support.fault_proxy import Answer, Fault, FaultProxy
from tests.support.pubsub import PubSubEmulator
from tests.support.supervisor import Supervisor

MODELS: Final = "soak-models"
KILLED: Final = {"predict": "predict, killed", "score": "score, killed"}
"""Of each function there are two: one that is never killed, whose memory is measured, and this one."""
SHARE: Final = 0.6
"""The part of a slot for which the fault lasts: in a long run 12 s, which is longer than a load waits for its store."""


def _in_bucket(part: str, change: Callable[[Answer], None], every: int = 1) -> Fault:
    """Breaks every n-th request to a bucket."""
    seen = [0]

    def fault(path: str, answer: Answer) -> None:
        if part in path:
            seen[0] += 1
            if seen[0] % every == 0:
                change(answer)

    return fault


def _status(status: int) -> Callable[[Answer], None]:
    return lambda answer: setattr(answer, "status", status)


def _reset(answer: Answer) -> None:
    answer.reset = True


def _truncate(answer: Answer) -> None:
    answer.sent_bytes = len(answer.body) // 2


def _flip(answer: Answer) -> None:
    """One bit of what is downloaded; the hash headers go, or the client would notice before we do."""
    if answer.body and not answer.body.startswith(b"{"):
        answer.body = bytes([answer.body[0] ^ 1]) + answer.body[1:]
        answer.headers = [(key, value) for key, value in answer.headers if key.lower() != "x-goog-hash"]


def _pause(answer: Answer) -> None:
    answer.pause_s = 2.0


def run_faults(
    record: Record, store: FaultProxy, pubsub: PubSubEmulator, *, slot_s: float, predict: Supervisor, score: Supervisor
) -> None:
    """Until the run is over. `predict` and `score` are the functions that may be killed."""
    killed = tuple(KILLED.values())

    def break_store(name: str, fault: Fault, *, kill: bool) -> Callable[[], None]:
        def run() -> None:
            with record.fault(name, *(killed if kill else ())):
                store.fault = fault
                if kill:
                    predict.kill()
                    score.kill()
                record.over.wait(slot_s * SHARE)
                store.fault = None

        return run

    def kill_one(supervisor: Supervisor, function: str) -> Callable[[], None]:
        def run() -> None:
            with record.fault("SIGKILL", function):
                supervisor.kill()

        return run

    def stop_pubsub() -> None:
        with record.fault("Pub/Sub silent"):
            os.kill(pubsub.pid, signal.SIGSTOP)
            record.over.wait(slot_s * SHARE)
            os.kill(pubsub.pid, signal.SIGCONT)

    plan: tuple[Callable[[], None], ...] = (
        kill_one(predict, killed[0]),
        kill_one(score, killed[1]),
        break_store("model store answers 503", _in_bucket(MODELS, _status(503)), kill=True),
        break_store("every second request for files is reset", _in_bucket("soak-", _reset, every=2), kill=False),
        break_store("model files have a flipped bit", _in_bucket(MODELS, _flip), kill=True),
        stop_pubsub,
        break_store("every third answer of the store is truncated", _in_bucket("soak-", _truncate, every=3), kill=True),
        break_store("store pauses 2 s", _in_bucket("soak-", _pause), kill=False),
    )
    for run in cycle(plan):
        if record.over.wait(slot_s * (1 - SHARE)):
            return
        run()
