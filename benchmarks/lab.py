"""The plan of a run: who is measured when.

Three parts. Starts and memory are measured with nobody else alive; serving with everybody started and all but one held
still, so that a round is short and what disturbs it disturbs all; last, memory after many requests, alone again.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import procfs
from benchmarks.contenders import Contender
from benchmarks.contenders.contender import MODELS
from benchmarks.environments import NoEnvironment
from benchmarks.flock import birds
from benchmarks.loadgen import Drive, Load, drive
from benchmarks.results import Results
from benchmarks.server import NoAnswer, Server

CONNECTIONS: Final = (1, 8, 64)
BATCHES: Final = (1, 10, 100, 1000, 10_000)
PARTS: Final = ("start", "serve", "batch", "memory")


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a run takes."""

    rounds: int = 5
    window_s: float = 1.5
    """Of one turn: one contender, one number of connections, one round."""
    warm_up_s: float = 0.3
    settle_s: float = 1.0
    """After a start or a load, before memory is read."""
    many_requests: int = 100_000
    most_s: float = 60.0
    others_most_s: float = 20.0
    """Slow contenders answer fewer than `many_requests`."""
    parts: tuple[str, ...] = PARTS
    here: bool = False
    """Run functions in the lab's own environment, without installing."""
    models: Path = MODELS


def measure(kinds: Sequence[type[Contender]], plan: Plan, say: Callable[[str], None] | None = None) -> Results:
    """Run the plan. Who cannot take part is skipped, with the reason in the results."""
    results = Results(plan.rounds, plan.window_s)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        lab = _Lab(plan, results, say or (lambda line: print(line, file=sys.stderr, flush=True)))
        for kind in kinds:
            folder = work / kind.name
            folder.mkdir()
            contender = kind(folder, here=plan.here, models=plan.models)
            stack.callback(contender.close)
            lab.admit(contender)
        if "start" in plan.parts:
            lab.starts()
        if "serve" in plan.parts or "batch" in plan.parts:
            lab.serving()
        if "memory" in plan.parts:
            lab.memory()
    return results


class _Lab:
    def __init__(self, plan: Plan, results: Results, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._results = results
        self._say = say
        self._contenders: list[Contender] = []

    def admit(self, contender: Contender) -> None:
        """Prepare it, compile it, and start it once uncounted, which fills the page cache."""
        self._say(f"preparing {contender.name}")
        self._results.titles[contender.name] = contender.title
        try:
            contender.prepare()
            contender.environment.compile(contender.sources())
            server = Server(contender)
            try:
                server.start()
            finally:
                server.stop()
        except (NoEnvironment, NoAnswer) as error:
            self._skip(contender, error)
            return
        self._contenders.append(contender)
        self._results.add(contender.name, "install_mb", contender.environment.size_mb())

    def _skip(self, contender: Contender, error: Exception) -> None:
        self._say(f"  {contender.name} is left out: {error}")
        self._results.skipped[contender.name] = str(error)
        self._contenders = [other for other in self._contenders if other is not contender]

    def starts(self) -> None:
        for turn in range(self._plan.rounds):
            for contender in list(self._contenders):
                server = Server(contender)
                try:
                    cold = server.start()
                    time.sleep(self._plan.settle_s)
                    memory = procfs.memory(server.pids)
                except NoAnswer as error:
                    self._skip(contender, error)
                    continue
                finally:
                    server.stop()
                self._add(contender, "cold_ms", cold.total_ms)
                for phase, ms in cold.phases_ms.items():
                    self._add(contender, f"cold_{phase}_ms", ms)
                self._add(contender, "pss_mb", memory.pss_mb)
                self._add(contender, "alone_mb", memory.alone_mb)
            self._say(f"starts: round {turn + 1} of {self._plan.rounds}")

    def serving(self) -> None:
        servers: dict[str, Server] = {}
        try:
            for contender in list(self._contenders):
                servers[contender.name] = server = Server(contender)
                try:
                    server.start()
                    server.pause()
                except NoAnswer as error:
                    self._skip(contender, error)
            for turn in range(self._plan.rounds):
                if "serve" in self._plan.parts:
                    for connections in CONNECTIONS:
                        for contender in self._contenders:
                            self._serve(contender, servers[contender.name], connections)
                if "batch" in self._plan.parts:
                    for rows in BATCHES:
                        for contender in self._contenders:
                            if contender.batches:
                                self._batch(contender, servers[contender.name], rows)
                self._say(f"serving: round {turn + 1} of {self._plan.rounds}")
        finally:
            for server in servers.values():
                server.stop()

    def _serve(self, contender: Contender, server: Server, connections: int) -> None:
        cpu_s, drive = self._turn(server, contender.request(birds(1)), connections)
        self._add(contender, f"rps_{connections}", drive.per_second)
        for percent in (50, 95, 99):
            self._add(contender, f"p{percent}_{connections}_ms", drive.percentile_ms(percent))
        self._add(contender, f"cpu_s_per_1000_{connections}", cpu_s / drive.total * 1000)
        self._add(contender, f"rps_per_vcpu_{connections}", drive.total / cpu_s if cpu_s else 0.0)
        self._add(contender, "failures", drive.failures)
        self._results.latencies_ms.setdefault(contender.name, {})[str(connections)] = drive.quantiles_ms

    def _batch(self, contender: Contender, server: Server, rows: int) -> None:
        cpu_s, drive = self._turn(server, contender.request(birds(rows)), 1)
        self._add(contender, f"batch_{rows}_cpu_us_per_row", cpu_s / drive.total / rows * 1e6)
        self._add(contender, f"batch_{rows}_ms", drive.percentile_ms(50))
        self._add(contender, f"rows_per_s_{rows}", rows * drive.per_second)
        self._add(contender, "failures", drive.failures)

    def _turn(self, server: Server, request: bytes, connections: int) -> tuple[float, Drive]:
        """CPU seconds of the server, and what the load generator saw."""
        server.resume()
        pids = server.pids
        before = procfs.cpu_s(pids)
        done = drive(Load(server.port, request, connections, self._plan.window_s, warm_up_s=self._plan.warm_up_s))
        cpu_s = procfs.cpu_s(pids) - before
        server.pause()
        return cpu_s, done

    def memory(self) -> None:
        """After many requests: this function over all rounds, the slow others once."""
        for contender in list(self._contenders):
            for _ in range(self._plan.rounds if contender.name == "ours" else 1):
                if contender in self._contenders:
                    self._many_requests(contender)
            self._say(f"memory: {contender.name}")

    def _many_requests(self, contender: Contender) -> None:
        server = Server(contender)
        most_s = self._plan.most_s if contender.name == "ours" else self._plan.others_most_s
        try:
            server.start()
            time.sleep(self._plan.settle_s)
            rest = procfs.memory(server.pids)
            done = drive(Load(server.port, contender.request(birds(1)), 8, most_s, self._plan.many_requests))
            time.sleep(self._plan.settle_s)
            loaded = procfs.memory(server.pids)
        except NoAnswer as error:
            self._skip(contender, error)
            return
        finally:
            server.stop()
        self._add(contender, "rest_pss_mb", rest.pss_mb)
        self._add(contender, "loaded_pss_mb", loaded.pss_mb)
        self._add(contender, "loaded_requests", done.total)
        self._add(contender, "failures", done.failures)

    def _add(self, contender: Contender, figure: str, value: float) -> None:
        self._results.add(contender.name, figure, value)
