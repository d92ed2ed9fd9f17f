"""Results that cannot be written: a full disk, a reader that has ended, streams that are closed from the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bundles import PublishedBundle
from tests.support.cli import GOOD, HEADER


def shell(command: str, bundle: PublishedBundle) -> subprocess.CompletedProcess[str]:
    predict = f"'{sys.executable}' -m predictor predict"
    return subprocess.run(
        ["bash", "-c", command.replace("PREDICT", predict)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **bundle.env},
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "birds.csv"
    file.write_text(f"{HEADER}\n" + f"{GOOD}\n" * 20_000)
    return file


@pytest.mark.parametrize("rows", [1, 20_000])
def test_a_result_that_cannot_be_written_is_one_line_and_status_1(
    bundle: PublishedBundle, file: Path, rows: int
) -> None:
    result = shell(f"head -n {rows + 1} '{file}' | PREDICT - > /dev/full", bundle)
    assert (result.returncode, result.stderr) == (1, "error: No space left on device\n")


def test_a_reader_that_ends_early_is_no_error(bundle: PublishedBundle, file: Path) -> None:
    result = shell(f"PREDICT '{file}' | head -n 1", bundle)
    assert (result.stdout.count("\n"), result.stderr) == (1, "")


def test_a_closed_input_is_an_empty_one(bundle: PublishedBundle) -> None:
    result = shell("PREDICT <&-", bundle)
    assert result.returncode == 1
    assert result.stderr.startswith("error: This is not valid JSON")


def test_a_closed_output_is_written_to_nowhere(bundle: PublishedBundle, file: Path) -> None:
    result = shell(f"PREDICT '{file}' >&-", bundle)
    assert (result.returncode, result.stderr) == (0, "")
