"""What a person at a terminal sees of a command that takes its time; a pipe sees none of it."""

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.processes import PROJECT


def on_a_terminal(stdout: Path, *arguments: str) -> tuple[int, str]:
    """Exit status, and what stderr showed; what goes to stdout goes to a file."""
    ours, theirs = pty.openpty()
    with stdout.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "predictor", *arguments], cwd=PROJECT, stdout=stream, stderr=theirs
        )
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # What Linux answers when the other side of a terminal is gone.
        while data := os.read(ours, 65536):
            seen += data
    os.close(ours)
    return process.wait(60), seen.decode()


@pytest.mark.slow
def test_publishing_shows_its_progress(bundle: PublishedBundle, tmp_path: Path) -> None:
    pickles = [str(bundle.folder / name) for name in ("model.pkl", "label_encoder.pkl", "columns.pkl")]
    status, seen = on_a_terminal(
        tmp_path / "out", "publish", "--accept-accuracy", "--from-pickles", *pickles, "--to", str(tmp_path / "root")
    )
    assert status == 0, seen
    assert "publishing" in seen
    assert "100%" in seen
    assert "None" not in seen
    assert [line.partition("=")[0] for line in (tmp_path / "out").read_text().splitlines()] == [
        "MODEL_URI",
        "MODEL_DIGEST",
    ]


def test_a_long_file_shows_its_progress(bundle: PublishedBundle, tmp_path: Path) -> None:
    row = ",".join(map(str, EXAMPLE.values()))
    file = tmp_path / "birds.csv"
    file.write_text(",".join(EXAMPLE) + "\n" + f"{row}\n" * 40_000)
    arguments = ["--uri", str(bundle.folder), "--digest", bundle.digest, str(file)]
    status, seen = on_a_terminal(tmp_path / "out", "predict", *arguments)
    assert status == 0, seen
    assert "scoring" in seen
    assert "100%" in seen
    assert (tmp_path / "out").read_text().count("\n") == 40_001
