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
        words = [sys.executable, "-Es", "-m", "ops.deploy.state"]
        for index, argument in enumerate(arguments):
            if isinstance(argument, str):
                words.append(argument)
            else:
                (tmp_path / f"{index}.json").write_text(json.dumps(argument))
                words.append(str(tmp_path / f"{index}.json"))
        return subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False)

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
        # A label's type is left out when it is the default, and labels come in any order; other lists do not.
        (
            {"labels": [{"key": "b"}, {"key": "a"}]},
            {"labels": [{"key": "a", "valueType": "STRING"}, {"key": "b"}]},
            True,
        ),
        ({"labels": [{"key": "a"}]}, {"labels": [{"key": "a", "valueType": "INT64"}]}, False),
        ({"labels": [{"key": "a"}, {"key": "c"}]}, {"labels": [{"key": "a"}, {"key": "b"}]}, False),
        ({"items": [2, 1]}, {"items": [1, 2]}, False),
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


def _revision(name: str, number: int, *, ready: bool = True, **environment: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "creationTimestamp": f"2026-01-01T00:{number:02d}:00Z", "labels": LABELS},
        "spec": {"containers": [{"env": [{"name": k, "value": v} for k, v in environment.items()]}]},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


LABELS = {"git-commit": "0123456789ab-dirty"}
HTTP = [
    _revision("h1", 1, MODEL_DIGEST="a", REPLACES="none"),
    _revision("h2", 2, MODEL_DIGEST="a", REPLACES="h1"),
    _revision("h3", 3, MODEL_DIGEST="b", REPLACES="h2"),
    _revision("h4", 4, MODEL_DIGEST="b", REPLACES="h3"),
]


@pytest.mark.parametrize(
    ("back_to", "events", "partner"),
    [
        # h4 came with new code: back to what was deployed beside h3, though e4 has the same model.
        ("h3", [("e1", "a", "h1"), ("e3", "b", "h3"), ("e4", "b", "h4")], "e3"),
        # The events function did not change with h2, so what was beside h1 served beside h2 as well.
        ("h2", [("e1", "a", "h1"), ("e3", "b", "h3")], "e1"),
        # Deployed by an earlier version, which did not note it: the newest with the model.
        ("h2", [("e0", "a", ""), ("e1", "a", ""), ("e3", "b", "h3")], "e1"),
        ("h2", [("e3", "b", "h3")], None),
        ("h3", [("e1", "a", "h1")], None),
    ],
)
def test_the_events_function_goes_back_to_what_served_beside_it(
    ask: Ask, back_to: str, events: list[tuple[str, str, str]], partner: str | None
) -> None:
    listed = [
        _revision(name, number, ready=True, MODEL_DIGEST=digest, **({"HTTP_REVISION": beside} if beside else {}))
        for number, (name, digest, beside) in enumerate(events)
    ]
    done = ask("partner", HTTP, back_to, listed)
    assert (done.returncode, done.stdout.strip()) == ((0, partner) if partner else (1, ""))


def test_a_revision_that_cannot_serve_is_no_partner(ask: Ask) -> None:
    failed = [_revision("e1", 1, ready=False, MODEL_DIGEST="a", HTTP_REVISION="h1")]
    assert ask("partner", HTTP, "h1", failed).returncode == 1


def test_the_table_of_revisions_fits_100_columns(ask: Ask) -> None:
    name, digest = "fourteen-chars-predict-00002-abc", "sha256:" + "1" * 64
    uri = "gs://b/penguins/20260202-101500-1a2b3c4d"
    done = ask("revisions", _service((name, 100, "green")), [_revision(name, 1, MODEL_URI=uri, MODEL_DIGEST=digest)])
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert f"{name}:\n  {digest}\n" in done.stdout
    assert "0123456-dirty" in done.stdout


def test_writes_to_buckets_are_put_into_the_audit_log_beside_what_is_there(ask: Ask, tmp_path: Path) -> None:
    change = tmp_path / "change.json"
    reads = {"service": "storage.googleapis.com", "auditLogConfigs": [{"logType": "DATA_READ"}]}
    other = {"service": "allServices", "auditLogConfigs": [{"logType": "ADMIN_READ"}]}
    policy = {"etag": "e", "bindings": [{"role": "r", "members": []}], "auditConfigs": [other, reads]}
    assert ask("audited", policy, str(change)).returncode == 1
    wanted = {
        "service": "storage.googleapis.com",
        "auditLogConfigs": [{"logType": "DATA_READ"}, {"logType": "DATA_WRITE"}],
    }
    sent = {"policy": {"etag": "e", "auditConfigs": [other, wanted]}, "updateMask": "auditConfigs,etag"}
    assert json.loads(change.read_text()) == sent
    assert ask("audited", {"auditConfigs": [wanted]}, str(change)).returncode == 0


def test_images_of_others_are_never_cleaned_up_by_our_policies(ask: Ask, tmp_path: Path) -> None:
    change = tmp_path / "change.json"
    question = (str(change), "10", "p__r__my--predict", "p__r__my--score")
    assert ask("cleanup", {"cleanupPolicyDryRun": True}, *question).returncode == 1
    asked = json.loads(change.read_text())
    assert asked["cleanupPolicyDryRun"] is False
    assert sorted(asked["cleanupPolicies"]) == ["my-predict-delete", "my-predict-keep"]
    assert ask("cleanup", asked, *question).returncode == 0

    theirs = {"theirs": {"id": "theirs", "action": "DELETE"}}
    assert ask("cleanup", {"cleanupPolicyDryRun": True, "cleanupPolicies": theirs}, *question).returncode == 1
    beside = json.loads(change.read_text())
    assert beside["cleanupPolicyDryRun"] is True, "their policy deletes nothing yet, and must not by our doing"
    assert beside["cleanupPolicies"].keys() == {"theirs", *asked["cleanupPolicies"]}


def test_only_open_alerts_of_the_function_count(ask: Ask) -> None:
    alerts = [{"state": "OPEN", "policy": {"displayName": name}} for name in ("predict: a", "staging-predict: b")]
    alerts.append({"state": "CLOSED", "policy": {"displayName": "predict: c"}})
    found = ask("alerts-of", {"alerts": alerts}, "predict: ")
    assert (found.returncode, found.stdout) == (1, "predict: a\n")
    assert ask("alerts-of", {}, "predict: ").returncode == 0
