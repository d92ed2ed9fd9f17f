"""The change that makes what is there what is wanted: for the files in ops/, and for settings that others share."""

import json
import re
from pathlib import Path
from typing import Final

from ops.deploy.comparing import covers
from ops.deploy.documents import Json, load


def audited(policy_file: str, to: str) -> int:
    """Whether writes to Cloud Storage are in the audit log; if not, the change that asks for it is written to `to`."""
    policy = load(policy_file) or {}
    configs = [dict(config) for config in policy.get("auditConfigs", [])]
    config = next((config for config in configs if config["service"] == _STORAGE), None)
    if config is None:
        configs.append(config := {"service": _STORAGE, "auditLogConfigs": []})
    if any(entry["logType"] == "DATA_WRITE" for entry in config["auditLogConfigs"]):
        return 0
    config["auditLogConfigs"] = [*config["auditLogConfigs"], {"logType": "DATA_WRITE"}]
    change = {"policy": {"etag": policy.get("etag"), "auditConfigs": configs}, "updateMask": "auditConfigs,etag"}
    Path(to).write_text(json.dumps(change, indent=2), encoding="utf-8")
    return 1


_STORAGE: Final = "storage.googleapis.com"


def cleanup(repository_file: str, to: str, kept: str, *packages: str) -> int:
    """Whether the repository keeps so many images of our packages, and deletes old ones.

    If not, the change is written to the file `to`. Policies of others stay, and so does their dry run: it is
    switched off only where all policies are ours.
    """
    repository = load(repository_file)
    held = repository.get("cleanupPolicies", {})
    names = [f"{packages[0].rsplit('__', 1)[-1].replace('--', '-')}-{verb}" for verb in ("keep", "delete")]
    prefixes = {"packageNamePrefixes": list(packages)}
    keep = {"id": names[0], "action": "KEEP", "mostRecentVersions": {**prefixes, "keepCount": int(kept)}}
    old = {"tagState": "ANY", "olderThan": _MONTH, **prefixes}
    wanted = {names[0]: keep, names[1]: {"id": names[1], "action": "DELETE", "condition": old}}
    if covers(held, wanted):
        return 0
    change = {"cleanupPolicies": held | wanted}
    if held.keys() <= wanted.keys():
        change["cleanupPolicyDryRun"] = False
    else:
        change["cleanupPolicyDryRun"] = bool(repository.get("cleanupPolicyDryRun"))
    Path(to).write_text(json.dumps(change, indent=2), encoding="utf-8")
    return 1


_MONTH: Final = f"{30 * 24 * 3600}s"


def plan(listed: str, known_by: str, to: str, root: str, remove: str, *rest: str) -> int:
    """Fill in files and print what to do with each: `create FILE`, `change FILE NAME` or `delete FILE NAME`.

    `known_by` is COLLECTION.KEY: the list in Google's answer, and the field that identifies a resource in it.
    `rest` is KEY=VALUE..., --, FILE...: `${KEY}` in the files' strings becomes VALUE. The filled file is written to the
    folder `to`, under its path below `root` with dashes for slashes. For a resource that needs no change nothing is
    printed.
    """
    collection, _, key = known_by.partition(".")
    split = rest.index("--")
    values = dict(pair.split("=", 1) for pair in rest[:split])
    current = (load(listed) or {}).get(collection, [])
    for path in map(Path, rest[split + 1 :]):
        wanted = _fill(load(str(path)), values)
        name = str(path.relative_to(root)).replace("/", "-")
        (Path(to) / name).write_text(json.dumps(wanted, indent=2), encoding="utf-8")
        # A service's file has no name: its id is its displayName.
        wanted_key = wanted.get(key) or wanted["displayName"]
        found = next((item for item in current if wanted_key in {item[key], item[key].rsplit("/", 1)[-1]}), None)
        if remove == "true":
            if found is not None:
                print("delete", name, found["name"])
        elif found is None:
            print("create", name)
        elif not covers(found, wanted):
            if "etag" in found:  # A dashboard can only be changed with the etag of its current version.
                (Path(to) / name).write_text(json.dumps(wanted | {"etag": found["etag"]}, indent=2), encoding="utf-8")
            print("change", name, found["name"])
    return 0


def _fill(value: Json, values: dict[str, str]) -> Json:
    """Replace the placeholders. A list with only "${KEY}" becomes the list of the value's comma-separated parts, and a
    number that stands alone becomes a number."""
    if isinstance(value, dict):
        return {key: _fill(part, values) for key, part in value.items()}
    if isinstance(value, list):
        whole = re.fullmatch(r"\$\{([A-Z_]+)\}", value[0]) if len(value) == 1 and isinstance(value[0], str) else None
        if whole:
            return [part.strip() for part in values[whole[1]].split(",") if part.strip()]
        return [_fill(part, values) for part in value]
    if isinstance(value, str):
        alone = re.fullmatch(r"\$\{([A-Z_]+)\}", value)
        if alone and values[alone[1]].isdecimal():
            return int(values[alone[1]])
        return re.sub(r"\$\{([A-Z_]+)\}", lambda match: values[match[1]], value)
    return value
