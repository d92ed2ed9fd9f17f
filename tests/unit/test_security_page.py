"""SECURITY.md: every claim names a test that exists, or the part of Google Cloud that it rests on."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.processes import PROJECT

PAGE: Final = (PROJECT / "SECURITY.md").read_text()
CLAIM: Final = re.compile(r"^\| claim \| shown by \|\n\|---\|---\|\n((?:\|.*\n)+)", re.MULTILINE)
NAMED: Final = re.compile(r"\[(test_\w+)\]\((tests/[\w/]+\.py)\)")
CLAIMS: Final = [tuple(row.strip("| ").split(" | ")) for table in CLAIM.findall(PAGE) for row in table.splitlines()]
ACTORS: Final = ("caller", "publisher", "bucket writer", "project editor", "dependency", "build")


def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("actor", ACTORS)
def test_every_actor_has_claims(actor: str) -> None:
    section = re.search(rf"^## The {actor}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section is not None
    assert CLAIM.search(section[1]) is not None


def test_every_claim_names_a_test() -> None:
    assert len(CLAIMS) > 20
    assert [claim for claim, *shown in CLAIMS if not NAMED.search(" ".join(shown))] == []


def test_every_named_test_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) == len(re.findall(r"\[test_", PAGE))
    assert [name for name, path in named if name not in functions_in(PROJECT / path)] == []
