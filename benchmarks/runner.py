"""Who is measured when.

Cold starts, and memory after many requests, are measured one contender at a time, with no other one running. For
requests and batches all contenders are started and all but one are paused: a round is short then, and what disturbs it
disturbs all of them.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.contenders import Contender, Unavailable
from benchmarks.loadgen import Load, LoadResult, apply_load
from benchmarks.results import Results
from benchmarks.sample_penguins import sample_penguins
from benchmarks.server import MakeContender, Server

CONNECTIONS: Final = (1, 8, 64)
BATCHES: Final = (1, 10, 100, 1000, 10_000)
PARTS: Final = ("start", "serve", "batch", "memory")
WARM_UP_S: Final = 0.3
SETTLE_S: Final = 1.0
"""How long to wait after a start or a load before memory is read."""
MANY_REQUESTS: Final = 100_000
STARTS: Final = 5
"""In each round, of each contender and in turn: one start varies by 30 % on a shared machine. Their median counts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. In each round every contender has a turn with every number of connections."""

    rounds: int = 5
    turn_s: float = 1.5
    parts: Sequence[str] = PARTS
    connections: Sequence[int] = CONNECTIONS
    batches: Sequence[int] = BATCHES


def measure(makers: Sequence[MakeContender], plan: Plan) -> Results:
    """Measure the contenders. One that fails is left out, and the results say why."""
    with ExitStack() as stack:
        runner = _Runner(plan, stack)
        for make in makers:
            runner.prepare(make)
        if "start" in plan.parts:
            runner.measure_starts()
        if "serve" in plan.parts or "batch" in plan.parts:
            runner.measure_serving()
        if "memory" in plan.parts:
            runner.measure_memory()
        return runner.results


class _Runner:
    def __init__(self, plan: Plan, stack: ExitStack) -> None:
        self.results = Results(plan.rounds, plan.turn_s)
        self._plan = plan
        self._stack = stack
        self._contenders: list[Contender] = []

    @contextmanager
    def _left_out_if_unavailable(self, contender: Contender) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            _say(f"  {contender.name} is left out: {error}")
            self.results.skipped[contender.name] = str(error)
            self._contenders = [other for other in self._contenders if other is not contender]

    def prepare(self, make: MakeContender) -> None:
        """Install a contender. One start that does not count fills the page cache."""
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        contender = self._stack.enter_context(closing(make(Path(folder))))
        self._contenders.append(contender)
        self.results.titles[contender.name] = contender.title
        _say(f"preparing {contender.name}")
        with self._left_out_if_unavailable(contender), Server(contender) as server:
            contender.install()
            server.start()
            self._add(contender, install_mb=contender.environment.size_mb())

    def measure_starts(self) -> None:
        for turn in range(self._plan.rounds):
            starts: dict[Contender, list[dict[str, float]]] = {}
            for _ in range(STARTS):
                for contender in list(self._contenders):
                    with self._left_out_if_unavailable(contender):
                        starts.setdefault(contender, []).append(self._start(contender))
            for contender in self._contenders:
                figures = starts[contender]
                self._add(contender, **{name: median(one[name] for one in figures) for name in figures[0]})
            _say(f"starts: round {turn + 1} of {self._plan.rounds}")

    def _start(self, contender: Contender) -> dict[str, float]:
        with Server(contender) as server:
            phases_ms = server.start()
            time.sleep(SETTLE_S)
            return {f"cold_{phase}_ms": ms for phase, ms in phases_ms.items() if phase != "total"} | {
                "cold_ms": phases_ms["total"],
                **server.memory()._asdict(),
            }

    def measure_serving(self) -> None:
        with ExitStack() as stack:
            servers = {contender: stack.enter_context(Server(contender)) for contender in self._contenders}
            for contender, server in servers.items():
                with self._left_out_if_unavailable(contender):
                    server.start()
                    server.pause()
            for turn in range(self._plan.rounds):
                for connections in self._plan.connections if "serve" in self._plan.parts else ():
                    for contender in self._contenders:
                        self._measure_requests(contender, servers[contender], connections)
                for rows in self._plan.batches if "batch" in self._plan.parts else ():
                    for contender in self._contenders:
                        if contender.batches:
                            self._measure_batch(contender, servers[contender], rows)
                _say(f"serving: round {turn + 1} of {self._plan.rounds}")

    def _measure_requests(self, contender: Contender, server: Server, connections: int) -> None:
        cpu_s, done = self._take_turn(server, 1, connections)
        measured = {
            f"rps_{connections}": done.per_second,
            f"cpu_s_per_1000_{connections}": cpu_s / done.total * 1000,
            f"rps_per_vcpu_{connections}": done.total / cpu_s if cpu_s else 0.0,
            **{f"p{percent}_{connections}_ms": ms for percent, ms in enumerate(done.quantiles_ms)},
        }
        self._add(contender, failures=done.failures, **measured)

    def _measure_batch(self, contender: Contender, server: Server, rows: int) -> None:
        cpu_s, done = self._take_turn(server, rows, 1)
        measured = {
            f"batch_{rows}_cpu_us_per_row": cpu_s / done.total / rows * 1e6,
            f"batch_{rows}_ms": done.quantiles_ms[50],
            f"rows_per_s_{rows}": rows * done.per_second,
        }
        self._add(contender, failures=done.failures, **measured)

    def _take_turn(self, server: Server, rows: int, connections: int) -> tuple[float, LoadResult]:
        """CPU seconds of the server, and what the load generator received."""
        request = server.contender.request(sample_penguins(rows))
        server.resume()
        before = server.cpu_s()
        done = apply_load(Load(server.port, request, connections, self._plan.turn_s, warm_up_s=WARM_UP_S))
        cpu_s = server.cpu_s() - before
        server.pause()
        return cpu_s, done

    def measure_memory(self) -> None:
        """Memory before and after many requests: of this function in every round, of the others once."""
        for contender in list(self._contenders):
            ours = contender.name == "ours"
            with self._left_out_if_unavailable(contender):
                for _ in range(self._plan.rounds if ours else 1):
                    # The slow ones stop before they have answered all.
                    self._measure_growth(contender, 60.0 if ours else 20.0)
            _say(f"memory: {contender.name}")

    def _measure_growth(self, contender: Contender, seconds: float) -> None:
        with Server(contender) as server:
            server.start()
            time.sleep(SETTLE_S)
            rest = server.memory()
            request = contender.request(sample_penguins(1))
            done = apply_load(Load(server.port, request, 8, seconds, MANY_REQUESTS))
            time.sleep(SETTLE_S)
            self._add(contender, rest_pss_mib=rest.pss_mib, loaded_pss_mib=server.memory().pss_mib)
            self._add(contender, loaded_requests=done.total, failures=done.failures)

    def _add(self, contender: Contender, **values: float) -> None:
        for quantity, value in values.items():
            self.results.add(contender.name, quantity, value)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
