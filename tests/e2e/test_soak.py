"""The soak itself, as short as it can be: every kind of traffic, the first faults, table and plot."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import PROJECT
from tests.support.programs import require_program


@pytest.mark.slow
def test_a_short_soak_loses_nothing(tmp_path: Path) -> None:
    require_program("java")
    require_program("gcloud")
    folder = tmp_path / "soak"
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "15s", "--to", str(folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert run.returncode in (0, 1), run.stderr  # 1: in so short a run the trends mean nothing.
    for what in ("predict: failed otherwise", "predict, killed: failed otherwise", "wrong answers"):
        assert f"| {what} | 0 | 0 | good |" in run.stdout, run.stdout + run.stderr
    unwanted = ("events: lost", "events: wrong", "events: published with different content")
    for what in (*unwanted, "log lines that are not JSON"):
        assert f"| {what} | 0 | 0 | good |" in run.stdout, run.stdout
    assert "fault: SIGKILL" in run.stdout
    assert (folder / "soak.svg").stat().st_size > 0
