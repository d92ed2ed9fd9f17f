"""One running contender: started, asked for its first prediction, paused while others are measured, stopped.

CPU time and memory are those of the whole process tree, read by psutil and from /proc: Linux only.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import psutil

from benchmarks.contenders import Contender, Unavailable
from benchmarks.raw_http import HOST, server_timing_ms
from benchmarks.sample_penguins import sample_penguins
from tests.support.processes import free_port

START_TIMEOUT_S: Final = 90.0
# A contender gets none of the variables that configure the Python, the model or the packages of the benchmarks.
_NOT_INHERITED: Final = ("PYTHON", "MODEL_", "GOOGLE_", "STORAGE_", "PUBSUB_", "PIP_", "UV_", "VIRTUAL_ENV", "PORT")

MakeContender = Callable[[Path], Contender]
"""A subclass of `Contender`, or anything else that makes one for an empty folder."""


def stop_servers_when_terminated() -> None:
    """Make SIGTERM clean up as Ctrl-C does. Otherwise the servers, which have sessions of their own, would go on."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def tree(root: int) -> list[int]:
    """The process `root`, its descendants, and every other process of its session."""
    found = {root}
    with suppress(psutil.NoSuchProcess):
        found |= {child.pid for child in psutil.Process(root).children(recursive=True)}
    for pid in psutil.pids():
        with suppress(OSError):  # It has ended.
            if os.getsid(pid) == root:
                found.add(pid)
    return sorted(found)


def cpu_s(pids: list[int]) -> float:
    """CPU seconds, user and system, of these processes and of the children that they waited for."""
    total = 0.0
    for pid in pids:
        with suppress(psutil.Error):
            total += sum(psutil.Process(pid).cpu_times()[:4])
    return total


class Memory(NamedTuple):
    """Memory of a process tree, in MiB.

    `pss_mib` is the kernel's proportional set size: a page that n processes map counts as 1/n for each, whoever they
    are. `alone_mib` is what the tree would use with no other process on the machine: its anonymous pages, and each
    mapped file once, as large as in the process that has most of it in memory.
    """

    pss_mib: float
    alone_mib: float


def memory(pids: list[int]) -> Memory:
    pss_kib = anonymous_kib = 0
    files: defaultdict[str, int] = defaultdict(int)
    for pid in pids:
        with suppress(OSError, psutil.Error):
            maps = psutil.Process(pid).memory_maps()
            rollup = dict(re.findall(r"(\w+): +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text()))
            pss_kib += int(rollup["Pss"])
            anonymous_kib += int(rollup["Pss_Anon"])
            for mapping in maps:
                if not mapping.path.startswith("["):  # [heap], [stack] and the like are anonymous.
                    files[mapping.path] = max(files[mapping.path], mapping.rss - mapping.anonymous)
    return Memory(pss_kib / 1024, anonymous_kib / 1024 + sum(files.values()) / 1024**2)


class Server:
    """The processes of a contender, which end with the `with` block."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._log = contender.folder / "log.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}
        # A home folder of its own, because gunicorn keeps a control socket there.
        env = {**inherited, "HOME": str(self.contender.folder), **self.contender.variables()}
        command = self.contender.command(self.port)
        with self._log.open("wb") as log:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            folder = self.contender.working_folder
            self._process = subprocess.Popen(command, cwd=folder, env=env, start_new_session=True, **streams)

    def start(self) -> dict[str, float]:
        """Start the process and wait for its first prediction. Raises `Unavailable`.

        Returns milliseconds: the `total`, and the phases that the Server-Timing of the first answer names. Then `boot`
        is the rest: forking, listening, waiting.
        """
        started = time.perf_counter()
        self.spawn()
        answer, server_timing = self._first_answer(started + START_TIMEOUT_S)
        total_ms = (time.perf_counter() - started) * 1000
        # The first penguin of the data set is a clear case: an Adelie for every model that is fitted to the data.
        if self.contender.species(answer) != ["Adelie"]:
            raise Unavailable(f"{self.contender.name} did not answer Adelie, but {answer[:200]!r}")
        phases = {phase: ms for phase, ms in server_timing_ms(server_timing).items() if phase != "total"}
        if phases:
            phases["boot"] = max(0.0, total_ms - sum(phases.values()))
        return {"total": total_ms, **phases}

    def _first_answer(self, deadline: float) -> tuple[bytes, str]:
        """The body and the Server-Timing of the first answer with status 200."""
        assert self._process is not None
        request = (self.contender.path, self.contender.body(sample_penguins(1)), {"Content-Type": "application/json"})
        last = "it does not listen"
        while time.perf_counter() < deadline and self._process.poll() is None:
            with closing(HTTPConnection(HOST, self.port, timeout=deadline - time.perf_counter())) as connection:
                try:
                    connection.request("POST", *request)
                    response = connection.getresponse()
                    if response.status == 200:
                        return response.read(), response.getheader("Server-Timing", "")
                    last = f"status {response.status}"
                    time.sleep(0.02)
                except (OSError, HTTPException) as error:
                    last = str(error)
                    time.sleep(0.001)
        status = self._process.poll()
        what = f"gave no prediction in {START_TIMEOUT_S:g} s ({last})" if status is None else f"exited with {status}"
        raise Unavailable(f"{self.contender.name} {what}: {self._log.read_text(errors='replace').strip()[-800:]}")

    @property
    def pids(self) -> list[int]:
        return tree(self._process.pid) if self._process else []

    def memory(self) -> Memory:
        return memory(self.pids)

    def cpu_s(self) -> float:
        return cpu_s(self.pids)

    def pause(self) -> None:
        """Stop all its processes for now, because even an idle server wakes up and disturbs the others."""
        _signal(self.pids, signal.SIGSTOP)

    def resume(self) -> None:
        _signal(self.pids, signal.SIGCONT)

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self.resume()
        pids = self.pids
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        _signal(pids, signal.SIGKILL)  # Also what it started and left behind.
        self._process.wait()


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def serving(make: MakeContender, *, warm: bool = True) -> Iterator[Server]:
    """Install and start a contender, and clean up at the end. Raises `Unavailable`.

    Without `warm` the process is started, but gets no request.
    """
    folder = tempfile.TemporaryDirectory(prefix="bench-")
    with folder as path, closing(make(Path(path))) as contender, Server(contender) as server:
        contender.install()
        if warm:
            server.start()
        else:
            server.spawn()
        yield server
