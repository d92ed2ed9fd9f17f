"""Two steps timed in turns, in one process: a slow or busy machine changes their ratio less than the times."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.results import Spread

ROUNDS: Final = 11
TURN_NS: Final = 10_000_000
Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Medians of the CPU time of a call, and the ratio of one step to the other, round by round."""

    one_us: float
    other_us: float
    ratio: Spread


def compare(one: Step, other: Step, rounds: int = ROUNDS) -> Comparison:
    gc.collect()
    gc.freeze()  # As main.py does: a full collection would take longer than most steps.
    pairs = [(_cpu_us(one), _cpu_us(other)) for _ in range(rounds + 1)][1:]  # The first round warms up.
    ratios = [one_us / other_us for one_us, other_us in pairs]
    one_us, other_us = (median(column) for column in zip(*pairs, strict=True))
    return Comparison(one_us, other_us, Spread(median(ratios), min(ratios), max(ratios), rounds))


def _cpu_us(step: Step) -> float:
    """Microseconds of CPU, from as many calls as fit into a turn."""
    started, calls = time.thread_time_ns(), 0
    while (elapsed := time.thread_time_ns() - started) < TURN_NS:
        step()
        calls += 1
    return elapsed / calls / 1000
