"""One running contender: started, waited for, held still while others have their turn, stopped."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import procfs
from benchmarks.contenders import Contender
from benchmarks.flock import birds
from benchmarks.wire import Answer, ask, free_port

START_TIMEOUT_S: Final = 90.0
# The lab's own Python and model are none of a contender's business, nor is where the lab gets packages from.
_NOT_INHERITED: Final = ("PYTHON", "MODEL_", "GOOGLE_", "STORAGE_", "PUBSUB_", "PIP_", "UV_", "VIRTUAL_ENV", "PORT")


def stop_servers_when_terminated() -> None:
    """Let SIGTERM unwind as Ctrl-C does: a server has a session of its own and would outlive the lab."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


class NoAnswer(RuntimeError):
    """A contender did not start, or answered something else than the species of the bird that it was shown."""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """From spawning the process to its first good prediction."""

    total_ms: float
    phases_ms: dict[str, float]
    """The phases that its first answer names, and as `boot` what they leave over: forking, listening, waiting."""


class Server:
    """A contender's process tree."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self.port = free_port()
        self._log = contender.folder / "log.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> float:
        """Start the process and ask nothing; the moment at which it was started."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}
        # A home of its own: gunicorn keeps a control socket there.
        env = {**inherited, "HOME": str(self.contender.folder), **self.contender.variables()}
        command = self.contender.command(self.port)
        with self._log.open("wb") as log:
            started = time.perf_counter()
            self._process = subprocess.Popen(
                command,
                cwd=self.contender.working_folder(),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return started

    def start(self) -> ColdStart:
        """Spawn it and wait for its first prediction. Raises `NoAnswer`."""
        request = self.contender.request(birds(1))
        started = self.spawn()
        answer = self._first_answer(request, started + START_TIMEOUT_S)
        total_ms = (time.perf_counter() - started) * 1000
        # The first bird of the data set is an Adelie, and no model here takes it for anything else.
        if self.contender.species(answer.body) != ["Adelie"]:
            raise NoAnswer(f"{self.contender.name} answered {answer.body[:200]!r}")
        phases = answer.server_timing_ms
        phases.pop("total", None)
        if phases:
            phases["boot"] = max(0.0, total_ms - sum(phases.values()))
        return ColdStart(total_ms, phases)

    def _first_answer(self, request: bytes, deadline: float) -> Answer:
        assert self._process is not None
        last = "it does not listen"
        while time.perf_counter() < deadline:
            if self._process.poll() is not None:
                raise NoAnswer(f"{self.contender.name} ended with status {self._process.returncode}: {self._tail()}")
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
        raise NoAnswer(f"{self.contender.name} gave no prediction in {START_TIMEOUT_S:g} s ({last}): {self._tail()}")

    def _tail(self) -> str:
        return self._log.read_text(errors="replace").strip()[-800:]

    @property
    def pids(self) -> list[int]:
        return procfs.tree(self._process.pid) if self._process else []

    def pause(self) -> None:
        """Hold the whole tree still: even an idle server wakes up now and then, in somebody else's turn."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is None:
            return
        self.resume()
        tree = self.pids
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in tree:  # What it started and did not take along.
            if Path(f"/proc/{pid}").exists():
                _kill(pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.pids:
            _kill(pid, number)


def _kill(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
