"""npm packages that tests use, each set in a folder of its own with `package-lock.json`, which has their hashes."""

import fcntl
import subprocess
from functools import cache
from pathlib import Path

from tests.support.programs import require_program


@cache
def node_modules(folder: Path) -> Path:
    """Where the packages of a folder are; they are installed when they are first asked for."""
    modules = folder / "node_modules"
    with (folder / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Several test processes start at the same time.
        if not (modules / ".package-lock.json").exists():
            command = [require_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            subprocess.run(command, cwd=folder, check=True, timeout=300)
    return modules
