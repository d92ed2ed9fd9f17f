"""What a soak records while it runs: answers, memory, faults. Times are seconds since the run began."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

Outcome = Literal["right", "wrong", "refused", "lost", "error"]
"""`refused` is 503; `lost` is a connection that ended without an answer; `error` is any other status than expected."""

RECOVERY_S: Final = 15.0
"""How long after a fault its failures are still its own: the longest pause between two loads, and a load."""


class Answer(NamedTuple):
    """One request: which function, what kind of request, when it began and how long it took."""

    function: str
    kind: str
    began_s: float
    took_s: float
    outcome: Outcome
    detail: str = ""


class Memory(NamedTuple):
    """The resident memory of a function's worker."""

    function: str
    at_s: float
    mib: float


@dataclass
class Fault:
    """Something that was broken on purpose, and the functions whose requests may fail because of it."""

    name: str
    functions: tuple[str, ...]
    began_s: float
    ended_s: float = float("inf")

    def explains(self, answer: Answer) -> bool:
        """Whether it may be the cause of a failure. Nothing explains a wrong answer."""
        overlaps = answer.began_s < self.ended_s + RECOVERY_S and answer.began_s + answer.took_s > self.began_s
        return answer.outcome in ("refused", "lost") and answer.function in self.functions and overlaps


@dataclass
class Record:
    """Appended to by many threads."""

    duration_s: float
    answers: list[Answer] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    """Counts, by what was counted."""

    def __post_init__(self) -> None:
        self.over = threading.Event()
        self.start()

    def start(self) -> None:
        """From now on time counts."""
        self._began = time.monotonic()

    @property
    def now_s(self) -> float:
        return time.monotonic() - self._began

    @contextmanager
    def fault(self, name: str, *functions: str) -> Iterator[None]:
        fault = Fault(name, functions, self.now_s)
        self.faults.append(fault)
        yield
        fault.ended_s = self.now_s
