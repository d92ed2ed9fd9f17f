"""The reference pages name everything that the code has: settings, codes, reasons, log events, options."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, get_args

import click
import pytest

from predictor.cli import main
from predictor.errors import ViolationCode
from predictor.penguin import Penguin
from predictor.prediction import ProtocolName
from predictor.settings import Settings
from predictor.web.openapi import openapi_document
from tests.support.processes import PROJECT

REFERENCE: Final = PROJECT / "docs" / "reference"
FILES: Final = [PROJECT / "main.py", *sorted((PROJECT / "predictor").rglob("*.py"))]
SOURCES: Final = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
COMMANDS: Final = sorted(main.commands)


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def not_in(text: str, names: set[str]) -> list[str]:
    assert names
    return sorted(name for name in names if f"`{name}`" not in text)


class _Recording(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_every_setting_is_described_with_its_default() -> None:
    env = _Recording()
    defaults = Settings.from_env(env)
    text = page("settings")
    assert not_in(text, env.asked | {"ALLOW_UNPINNED_MODEL"}) == []
    for name in (
        "max_body_bytes",
        "max_stream_bytes",
        "max_instances_per_request",
        "max_object_bytes",
        "max_object_rows",
    ):
        assert re.search(rf"\| `{name.upper()}` \| {getattr(defaults, name)}\b", text), name


def test_every_violation_code_and_feature_is_described() -> None:
    assert not_in(page("http"), {*get_args(ViolationCode), *Penguin.model_fields}) == []


def test_every_path_and_problem_type_is_described() -> None:
    text = page("http")
    text += page("protocols")
    document = openapi_document(protocols=get_args(ProtocolName))
    for path, operations in document["paths"].items():
        for method in operations.keys() & {"get", "post"}:
            operation = operations[method]
            assert f"`{method.upper()} {path}`" in text
            for status, answer in operation["responses"].items():
                for media in answer.get("content", {}).values():
                    if name := media.get("example", {}).get("type", "").rpartition(":")[2]:
                        assert f"| {status} | `{name}` |" in text


def test_every_reason_of_a_reject_is_described() -> None:
    # These read files of their own, whose errors no message brings.
    sources = "\n".join(path.read_text(encoding="utf-8") for path in FILES if not {"training", "drift"} & {*path.parts})
    raised = re.findall(r"\b(?:Unscorable|BadObject|UnusableFile)\(\s*\"(\w+)\"", sources)
    assert not_in(page("events") + page("files"), set(raised)) == []


def test_every_event_of_the_log_is_described() -> None:
    words = re.findall(r"\b(?:log|logs\.log|delivery\.log)\(\s*logging\.\w+,\s*\"(\w+)\"", SOURCES)
    others = {"request", "request_failed", "slow_request", "result_published", "reject_published"}
    assert not_in(page("logs"), {*words, *others}) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_described(name: str) -> None:
    text = page("cli")
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    options = {o for p in main.commands[name].params if isinstance(p, click.Option) for o in p.opts} - {"--help"}
    assert not_in(section[1], options) == []
