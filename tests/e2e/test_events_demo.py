"""`make demo-events`, as a newcomer would run it, with the tests' model."""

import os
import subprocess
import sys

from tests.support.bundles import PublishedBundle
from tests.support.processes import PROJECT
from tests.support.programs import require_program


def test_the_demo_runs_and_every_bird_comes_out(bundle: PublishedBundle) -> None:
    require_program("gcloud")
    require_program("java")
    demo = subprocess.run(
        [sys.executable, str(PROJECT / "examples/events_demo.py")],
        env={**os.environ, **bundle.env},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "344 birds published" in demo.stdout
    assert "333 results, 11 rejects" in demo.stdout
