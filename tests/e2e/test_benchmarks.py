"""The benchmarks run from end to end: real processes, real requests, one short turn each."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bundles import PublishedBundle

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.slow
def test_a_short_run_measures_the_function_against_the_platform(bundle: PublishedBundle, tmp_path: Path) -> None:
    options = ["--only", "echo,ours", "--here", "--rounds", "1", "--seconds", "0.2", "--parts", "serve"]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options, "--to", str(tmp_path), "--models", str(bundle.folder.parent)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode in (0, 1), run.stderr  # 1: so short a run may miss a goal.
    (results,) = (json.loads(path.read_text()) for path in tmp_path.glob("bench-*.json"))
    assert results["skipped"] == {}
    for name in ("echo", "ours"):
        assert results["samples"][name]["rps_8"][0] > 0
        assert results["samples"][name]["failures"] == [0, 0, 0]
    assert "/predict requests/s" in run.stdout
    assert (tmp_path / "report.html").read_text().count("<svg") == 3  # Requests, latency, size.
