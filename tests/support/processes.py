"""Real processes on free ports, watched through what they print and answer."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

PROJECT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = START_TIMEOUT_S) -> Any:
    """Poll until `condition` gives something true; its value."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")


def answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=5)
    except httpx.TransportError:
        return False
    return True


class FunctionProcess:
    """One `functions-framework` process that serves a target of `source`."""

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        log_file: Path,
        target: str = "predict",
        source: Path = PROJECT / "main.py",
        folder: Path = PROJECT,
    ) -> None:
        """`folder` is the working folder, from which `predictor` is imported."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log_file = log_file
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MODEL_", "GOOGLE_"))}
        with log_file.open("wb") as stream:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "functions_framework", "--source", str(source)),
                    *("--target", target, "--host", "127.0.0.1", "--port", str(self.port)),
                ],
                cwd=folder,
                env={**inherited, **env},
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_up(self) -> "FunctionProcess":
        def up() -> bool:
            assert self.process.poll() is None, f"the process ended early:\n{self.output()}"
            return answers(f"{self.url}/")

        wait_until(up, "the port to open")
        return self

    def output(self) -> str:
        return self._log_file.read_text()

    def log_lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """The JSON lines that the process printed, of one event or of all."""
        lines = [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]
        return [line for line in lines if event is None or line["event"] == event]

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)
