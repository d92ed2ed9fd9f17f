"""Environments of their own, made by `uv` from the package index."""

import os
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin


def uv(*arguments: str | Path) -> None:
    """Run `uv`. Skips where the index cannot be reached; fails under CI."""
    done = subprocess.run([find_uv_bin(), *arguments, "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    offline = any(word in done.stderr for word in ("error sending request", "Failed to fetch", "dns error"))
    if offline and os.environ.get("CI") != "true":
        pytest.skip(f"needs a package index: {done.stderr.strip().splitlines()[-1]}")
    pytest.fail(done.stderr)


def make_environment(folder: Path, *requirements: str | Path) -> Path:
    """Make an environment with what `uv pip install` is given; the path of its Python."""
    python = folder / "bin/python"
    uv("venv", folder, "--python", "3.11")
    uv("pip", "install", "--python", python, *requirements)
    return python
