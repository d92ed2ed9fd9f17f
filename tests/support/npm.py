"""Packages from npm, with their hashes in a `package-lock.json`."""

import fcntl
import subprocess
from functools import cache
from pathlib import Path

from tests.support.programs import require_program


@cache
def installed(folder: Path) -> Path:
    """The folder of the packages that `folder` locks, which are installed when they are first asked for."""
    packages = folder / "node_modules"
    with (folder / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Several test processes start at the same time.
        if not (packages / ".package-lock.json").exists():
            command = [require_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            subprocess.run(command, cwd=folder, check=True, timeout=300)
    return packages
