"""Keeps one function process running, as Cloud Run does; kills it on request."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from tests.support.processes import PROJECT, FunctionProcess


class Supervisor:
    """One process at a time. `on_start` is told about each, for example to send traffic to its port."""

    def __init__(
        self,
        env: dict[str, str],
        folder: Path,
        *,
        target: str = "score",
        source: Path = PROJECT / "main.py",
        on_start: Callable[[FunctionProcess], None] = lambda _: None,
    ) -> None:
        self._env = env
        self._folder = folder
        self._target = target
        self._source = source
        self._on_start = on_start
        self._lock = threading.Lock()
        self.processes: list[FunctionProcess] = []
        self._start()

    def _start(self) -> None:
        process = FunctionProcess(
            self._env,
            log_file=self._folder / f"{self._target}-{len(self.processes)}.log",
            target=self._target,
            source=self._source,
        )
        self.processes.append(process)
        self._on_start(process)

    @property
    def current(self) -> FunctionProcess:
        return self.processes[-1]

    def kill(self) -> None:
        """All of its processes, at once, in the middle of whatever they do; then a new one."""
        with self._lock:
            process = self.current
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.process.pid, signal.SIGKILL)
            process.process.wait(10)
            self._start()

    def stop(self) -> None:
        with self._lock:
            self.current.stop()

    def log_lines(self, event: str) -> int:
        return sum(process.output().count(f'"event": "{event}"') for process in self.processes)
