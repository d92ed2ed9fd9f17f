"""What deploy.sh asks its helper, as it asks: words on the command line, files with JSON, exit statuses."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import PROJECT

Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Runs a command of state.py; arguments that are no strings become files with that JSON."""

    def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-I", str(PROJECT / "ops/deploy/state.py")]
        for index, argument in enumerate(arguments):
            if isinstance(argument, str):
                words.append(argument)
            else:
                (tmp_path / f"{index}.json").write_text(json.dumps(argument))
                words.append(str(tmp_path / f"{index}.json"))
        return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)

    return run


@pytest.mark.parametrize(
    ("current", "wanted", "same"),
    [
        ({"a": 1, "added": True}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({}, {"a": 1}, False),
        ({"seconds": "60"}, {"seconds": 60}, True),
        ({"period": "60.0s"}, {"period": "60s"}, True),
        ({}, {"off": False, "empty": [], "nothing": {"zero": 0}}, True),
        ({"on": True}, {"on": False}, False),
        ({"items": [{"a": 1, "b": 2}]}, {"items": [{"a": 1}]}, True),
        ({"items": [1, 2]}, {"items": [1]}, False),
        ({"items": [1]}, {"items": [1, 2]}, False),
        ({"text": "60s later"}, {"text": "60.0s later"}, False),
    ],
)
def test_a_resource_is_left_alone_when_it_says_all_that_is_wanted(
    ask: Ask, current: Any, wanted: Any, same: bool
) -> None:
    assert ask("covers", current, wanted).returncode == (0 if same else 1)


def _service(*targets: tuple[str, int, str], asked: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    status = [
        {"revisionName": name}
        | ({"percent": share} if share else {})
        | ({"tag": tag, "url": f"https://{tag}"} if tag else {})
        for name, share, tag in targets
    ]
    return {"spec": {"traffic": status if asked is None else asked}, "status": {"traffic": status}}


@pytest.mark.parametrize(
    ("service", "answer"),
    [
        (_service(("a", 100, "")), "a pinned"),
        (_service(("a", 100, ""), ("b", 0, "green")), "a pinned"),
        (_service(("a", 100, ""), asked=[{"latestRevision": True, "percent": 100}]), "a floating"),
        (_service(("b", 50, "green"), ("a", 50, "")), "a floating"),
        (_service(("b", 95, "green"), ("a", 5, "")), "a floating"),
        (_service(("b", 100, "green")), "b pinned"),
        (_service(("b", 60, ""), ("b", 0, "green"), ("a", 40, "")), "a floating"),
    ],
)
def test_blue_is_the_revision_in_service_that_is_not_the_new_one(ask: Ask, service: Any, answer: str) -> None:
    assert ask("blue", service, "green").stdout.strip() == answer


@pytest.fixture
def plan(ask: Ask, tmp_path: Path) -> Callable[..., tuple[int, str, Any]]:
    """Plans one file, `alerts/cpu.json`, against what there is: exit status, what to do, and the filled file."""

    def run(template: Any, current: list[Any], *words: str, remove: str = "false") -> tuple[int, str, Any]:
        (tmp_path / "alerts").mkdir(exist_ok=True)
        file = tmp_path / "alerts" / "cpu.json"
        file.write_text(json.dumps(template))
        where = (str(tmp_path), str(tmp_path), remove)
        done = ask("plan", {"alertPolicies": current}, "alertPolicies.displayName", *where, *words, "--", str(file))
        filled = tmp_path / "alerts-cpu.json"
        return done.returncode, done.stdout.strip(), json.loads(filled.read_text()) if filled.exists() else None

    return run


ALERT = {"displayName": "${FUNCTION}: CPU", "channels": ["${CHANNELS}"], "limit": 0.8, "legend": "${labels.name}"}
NAMES = ("FUNCTION=predict", "CHANNELS=a, b")


def test_a_plan_fills_in_names_and_lists_and_refuses_unknown_keys(plan: Callable[..., Any]) -> None:
    status, todo, filled = plan(ALERT, [], *NAMES)
    assert (status, todo) == (0, "create alerts-cpu.json")
    assert filled == {"displayName": "predict: CPU", "channels": ["a", "b"], "limit": 0.8, "legend": "${labels.name}"}
    assert plan(ALERT, [], "FUNCTION=f", "CHANNELS=")[2]["channels"] == []
    assert plan(ALERT, [], "FUNCTION=f")[0] == 2


def test_a_plan_leaves_what_is_right_changes_what_differs_and_deletes_when_asked(plan: Callable[..., Any]) -> None:
    there = {"name": "projects/p/alertPolicies/7", **plan(ALERT, [], *NAMES)[2]}
    assert plan(ALERT, [there], *NAMES)[1] == ""
    assert plan(ALERT, [there | {"limit": 0.9}], *NAMES)[1] == "change alerts-cpu.json projects/p/alertPolicies/7"
    assert plan(ALERT, [there], *NAMES, remove="true")[1] == "delete alerts-cpu.json projects/p/alertPolicies/7"
    assert plan(ALERT, [], *NAMES, remove="true")[1] == ""


def test_a_member_has_a_role_only_without_a_condition(ask: Ask) -> None:
    binding = {"role": "roles/x", "members": ["user:a"]}
    assert ask("bound", {"bindings": [binding]}, "roles/x", "user:a").returncode == 0
    assert ask("bound", {"bindings": [binding]}, "roles/x", "user:b").returncode == 1
    assert ask("bound", {"bindings": [{**binding, "condition": {}}]}, "roles/x", "user:a").returncode == 1
    assert ask("bound", {}, "roles/x", "user:a").returncode == 1


def test_the_revision_before_is_the_newest_ready_one_that_is_older(ask: Ask) -> None:
    def revision(name: str, ready: str) -> Any:
        conditions = [{"type": "Ready", "status": ready}]
        return {"metadata": {"name": name, "creationTimestamp": name}, "status": {"conditions": conditions}}

    items = [revision("r1", "True"), revision("r2", "False"), revision("r3", "True"), revision("r4", "True")]
    assert ask("previous", items, "r3").stdout.strip() == "r1"
    assert ask("previous", items, "r1").returncode == 1


def test_a_fingerprint_changes_with_a_file_and_with_a_setting(ask: Ask, tmp_path: Path) -> None:
    source, listed = tmp_path / "main.py", tmp_path / "files"
    source.write_text("a")
    listed.write_text("main.py\n")
    first, again = (ask("fingerprint", str(tmp_path), str(listed), "--cpu", "1").stdout for _ in range(2))
    other_setting = ask("fingerprint", str(tmp_path), str(listed), "--cpu", "2").stdout
    source.write_text("b")
    other_file = ask("fingerprint", str(tmp_path), str(listed), "--cpu", "1").stdout
    assert first == again
    assert len({first, other_setting, other_file}) == 3


def test_what_a_revision_replaced_counts_more_than_its_age(ask: Ask) -> None:
    def revision(number: int, replaces: str, ready: str = "True") -> Any:
        env = [{"name": "REPLACES", "value": replaces}]
        return {
            "metadata": {"name": f"r{number}", "creationTimestamp": f"2026-01-01T00:0{number}:00Z"},
            "spec": {"containers": [{"env": env}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }

    never_passed = revision(3, "r2")
    revisions = [revision(1, "none"), revision(2, "r1"), never_passed, revision(4, "r2")]
    assert ask("previous", revisions, "r4").stdout.strip() == "r2"
    assert ask("previous", revisions, "r1").returncode == 1
    assert ask("newer", revisions, "r2").stdout.strip() == "r4"
    assert ask("newer", revisions, "r4").returncode == 1
    broken = [revision(1, "none"), revision(2, "r1", ready="False"), never_passed, revision(4, "r2")]
    assert ask("previous", broken, "r4").stdout.strip() == "r1"


def test_the_split_is_printed_in_one_order_and_with_the_tag(ask: Ask) -> None:
    service = _service(("b", 5, "green"), ("a", 95, ""), ("c", 0, "other"))
    assert ask("split", service, "green").stdout.strip() == "a=95 b=5 green:b"
    floating = _service(asked=[{"latestRevision": True, "percent": 100}])
    assert ask("split", floating, "green").stdout.strip() == "LATEST=100"
