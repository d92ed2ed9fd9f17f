"""docs/explanation/architecture.md and the packages' public names, compared with the code."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import PROJECT

PREDICTOR = PROJECT / "predictor"
PAGE = PROJECT / "docs/explanation/architecture.md"
PACKAGES = sorted(path.parent.name for path in PREDICTOR.glob("*/__init__.py"))
MODULES = sorted(PREDICTOR.rglob("*.py"))


def layers() -> list[str]:
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (order,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return [layer.replace("predictor.", "") for layer in order]


def test_the_table_lists_every_module_and_package() -> None:
    listed = re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE)
    modules = [f"predictor/{path.name}" for path in PREDICTOR.glob("*.py") if path.name != "__init__.py"]
    expected = ["main.py", *modules, *(f"predictor/{name}/" for name in PACKAGES)]
    assert sorted(listed) == sorted(expected)


def test_the_order_of_imports_is_the_contracts() -> None:
    (order,) = re.findall(r"Imports point one way: .*\n\n```text\n([^`]+)```", PAGE.read_text())
    assert order.splitlines() == ["main", *layers()]


def test_the_contract_names_every_module_and_package() -> None:
    named = {name.strip() for layer in layers() for name in layer.split("|")}
    modules = {path.stem for path in PREDICTOR.glob("*.py") if not path.name.startswith("__")}
    assert named == modules | set(PACKAGES)


def public_names(package: str) -> list[str]:
    tree = ast.parse((PREDICTOR / package / "__init__.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return []


def imports_of(module: Path) -> Iterator[tuple[str, str]]:
    """Package and submodule (or name) of every import from a package of this project."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("predictor."):
            _, package, *rest = node.module.split(".")
            if package in PACKAGES:
                for name in rest[:1] or [alias.name for alias in node.names]:
                    yield package, name


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PREDICTOR)))
def test_other_packages_import_only_what_a_package_makes_public(module: Path) -> None:
    own = module.relative_to(PREDICTOR).parts[0]
    foreign = [(package, name) for package, name in imports_of(module) if package != own]
    assert [(package, name) for package, name in foreign if name not in public_names(package)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_is_public(package: str) -> None:
    assert public_names(package)
