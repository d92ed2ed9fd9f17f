"""Environments of their own, for what cannot be installed beside this project."""

import os
import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin


def uv(*arguments: str | Path) -> None:
    """Run uv. Without a package index the test skips, and fails under CI."""
    done = subprocess.run([find_uv_bin(), *arguments, "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    offline = any(word in done.stderr for word in ("error sending request", "Failed to fetch", "dns error"))
    if offline and os.environ.get("CI") != "true":
        pytest.skip(f"needs a package index: {done.stderr.strip().splitlines()[-1]}")
    pytest.fail(done.stderr)


def make_environment(folder: Path, python: str, *requirements: str | Path) -> Path:
    """A new environment with these packages; the path of its Python. `python` is a version."""
    # pyenv's commands exist for versions that are not chosen, and uv gives up at the first of them.
    kept = sorted(Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv").glob(f"versions/{python}.*/bin/python"))
    uv("venv", folder, "--python", kept[-1] if kept else python)
    uv("pip", "install", "--python", folder / "bin/python", *requirements)
    return folder / "bin/python"
