"""A few seconds of fuzzing for each target; `make fuzz` takes minutes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.fuzz import NAMES
from tests.hostile.fuzz.seeds import seeds
from tests.hostile.fuzz.targets import TARGETS
from tests.support.processes import PROJECT

SECONDS = 3


def test_every_target_has_a_name() -> None:
    assert tuple(TARGETS) == NAMES


@pytest.mark.parametrize("target", TARGETS)
def test_the_seeds_are_valid(target: str, tmp_path: Path) -> None:
    for seed in seeds(target, tmp_path / "made"):
        TARGETS[target](seed)
        TARGETS[target](seed[: len(seed) // 2])


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_but_the_documented_errors_is_raised(target: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.hostile.fuzz", target, "--seconds", str(SECONDS)]
    result = subprocess.run(
        [*command, "--corpus", str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr[-3000:]
    executed = re.search(r"number_of_executed_units: *(\d+)", result.stderr)
    assert executed is not None
    assert int(executed[1]) > 100
