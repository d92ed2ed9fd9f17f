"""One running contender: started, asked for its first prediction, paused while others are measured, stopped."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from benchmarks import processes
from benchmarks.contenders import Contender, Unavailable
from benchmarks.raw_http import Answer, ask, free_port
from benchmarks.sample_penguins import sample_penguins

START_TIMEOUT_S: Final = 90.0
# A contender gets none of the variables that configure the Python, the model or the packages of the benchmarks.
_NOT_INHERITED: Final = ("PYTHON", "MODEL_", "GOOGLE_", "STORAGE_", "PUBSUB_", "PIP_", "UV_", "VIRTUAL_ENV", "PORT")

MakeContender = Callable[[Path], Contender]
"""A subclass of `Contender`, or anything else that makes one for an empty folder."""


def stop_servers_when_terminated() -> None:
    """Make SIGTERM clean up as Ctrl-C does. Otherwise the servers, which have sessions of their own, would go on."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


class Server:
    """The processes of a contender."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self.port = free_port()
        self._log = contender.folder / "log.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Start the process without waiting for it."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}
        # A home folder of its own, because gunicorn keeps a control socket there.
        env = {**inherited, "HOME": str(self.contender.folder), **self.contender.variables()}
        command = self.contender.command(self.port)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self.contender.working_folder, env=env, stdout=log, stderr=log, start_new_session=True
            )

    def start(self) -> dict[str, float]:
        """Start the process and wait for its first prediction. Raises `Unavailable`.

        Returns milliseconds: the `total`, and the phases that the Server-Timing of the first answer names. Then `boot`
        is the rest: forking, listening, waiting.
        """
        request = self.contender.request(sample_penguins(1))
        started = time.perf_counter()
        self.spawn()
        answer = self._first_answer(request, started + START_TIMEOUT_S)
        total_ms = (time.perf_counter() - started) * 1000
        # The first penguin of the data set is a clear case: an Adelie for every model that is fitted to the data.
        if self.contender.species(answer.body) != ["Adelie"]:
            raise Unavailable(f"{self.contender.name} did not answer Adelie, but {answer.body[:200]!r}")
        phases = {phase: ms for phase, ms in answer.phases_ms.items() if phase != "total"}
        if phases:
            phases["boot"] = max(0.0, total_ms - sum(phases.values()))
        return {"total": total_ms, **phases}

    def _first_answer(self, request: bytes, deadline: float) -> Answer:
        assert self._process is not None
        last = "it does not listen"
        while time.perf_counter() < deadline and self._process.poll() is None:
            try:
                answer = ask(self.port, request, deadline - time.perf_counter())
            except OSError as error:
                last = str(error)
                time.sleep(0.001)
                continue
            if answer.status == 200:
                return answer
            last = f"status {answer.status}"
            time.sleep(0.02)
        status = self._process.poll()
        what = f"gave no prediction in {START_TIMEOUT_S:g} s ({last})" if status is None else f"exited with {status}"
        raise Unavailable(f"{self.contender.name} {what}: {self._log.read_text(errors='replace').strip()[-800:]}")

    @property
    def pids(self) -> list[int]:
        return processes.tree(self._process.pid) if self._process else []

    def memory(self) -> processes.Memory:
        return processes.memory(self.pids)

    def cpu_s(self) -> float:
        return processes.cpu_s(self.pids)

    def pause(self) -> None:
        """Stop all its processes for now, because even an idle server wakes up and disturbs the others."""
        _signal(self.pids, signal.SIGSTOP)

    def resume(self) -> None:
        _signal(self.pids, signal.SIGCONT)

    def stop(self) -> None:
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
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        contender = make(Path(folder))
        server = Server(contender)
        try:
            contender.install()
            if warm:
                server.start()
            else:
                server.spawn()
            yield server
        finally:
            server.stop()
            contender.close()
