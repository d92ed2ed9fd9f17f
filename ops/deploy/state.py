"""Questions of deploy.sh about JSON: what Google's APIs answered is saved to files, and examined here.

Each command reads files and prints words that a shell can read. Standard library only, so that any Python runs it.
Exit status 0: yes, or found; 1: no, or not found; 2: wrong arguments or unreadable files.
"""

import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

Json = Any


def _load(file: str) -> Json:
    text = Path(file).read_text(encoding="utf-8")
    return json.loads(text) if text.strip() else None


def _at(value: Json, path: str) -> Json:
    """The value at `a.b.c` in nested objects, or None."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def get(file: str, path: str) -> int:
    """Print the value at `path`; status 1 if there is none."""
    value = _at(_load(file), path)
    if value is None:
        return 1
    print(value if isinstance(value, str) else json.dumps(value))
    return 0


def find(file: str, path: str, wanted: str) -> int:
    """Print the item of a list whose value at `path` is `wanted`, or ends in `/wanted`."""
    for item in _load(file) or []:
        value = str(_at(item, path))
        if value == wanted or value.endswith(f"/{wanted}"):
            print(json.dumps(item))
            return 0
    return 1


def bound(file: str, role: str, member: str) -> int:
    """Whether an IAM policy gives `member` the role, without a condition."""
    bindings = (_load(file) or {}).get("bindings", [])
    return int(not any(b["role"] == role and member in b.get("members", []) and "condition" not in b for b in bindings))


def members(file: str, role: str) -> int:
    """Print the members that have the role, one per line."""
    bindings = (_load(file) or {}).get("bindings", [])
    for member in sorted({member for b in bindings if b["role"] == role for member in b.get("members", [])}):
        print(member)
    return 0


def enabled(file: str, api: str) -> int:
    """Whether Service Usage says that the API is enabled."""
    services = (_load(file) or {}).get("services", [])
    return int(not any(s["name"].endswith(f"/{api}") and s.get("state") == "ENABLED" for s in services))


# --- comparing ------------------------------------------------------------------------------------------------------


def covers(current: str, wanted: str) -> int:
    """Whether the current resource has every value of the wanted one. It may have more, since Google adds fields."""
    return int(not _covers(_load(current), _load(wanted)))


def _covers(current: Json, wanted: Json) -> bool:
    if isinstance(wanted, dict):
        held = current if isinstance(current, dict) else {}
        return (current is not None or _is_default(wanted)) and all(_covers(held.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, list):
        items = current or []
        return len(items) == len(wanted) and all(_covers(c, w) for c, w in zip(items, wanted, strict=True))
    if current is None:
        return _is_default(wanted)
    return _plain(current) == _plain(wanted)


def _is_default(value: Json) -> bool:
    """Whether Google leaves this value out of its answers."""
    if isinstance(value, dict):
        return all(_is_default(part) for part in value.values())
    return value in (None, False, 0, "", [])


def _plain(value: Json) -> str:
    """The value as comparable text: 64-bit numbers arrive as strings, and 60.0s equals 60s."""
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?s?", text):
        return f"{float(text.rstrip('s')):.9g}" + ("s" if text.endswith("s") else "")
    return text


# --- Cloud Run ------------------------------------------------------------------------------------------------------


def blue(file: str, tag: str) -> int:
    """Print the revision in service, and `pinned` if it has all traffic by name, else `floating`.

    If an interrupted deployment left the traffic split, the new revision still has the tag, so the other one is blue.
    """
    service = _load(file)
    status = service.get("status", {})
    shares: dict[str, int] = {}
    tagged = set()
    for target in status.get("traffic", []):
        name = target["revisionName"]
        shares[name] = shares.get(name, 0) + int(target.get("percent") or 0)
        if target.get("tag") == tag:
            tagged.add(name)
    serving = {name: share for name, share in shares.items() if share > 0}
    candidates = {name: share for name, share in serving.items() if name not in tagged} or serving
    if not candidates:
        return 1
    name = max(candidates, key=lambda candidate: candidates[candidate])
    asked = [t for t in service["spec"].get("traffic", []) if int(t.get("percent") or 0) > 0]
    pinned = len(asked) == 1 and asked[0].get("revisionName") == name
    print(name, "pinned" if pinned else "floating")
    return 0


def split(file: str, tag: str) -> int:
    """Print the configured traffic split: `REVISION=PERCENT ...`, and `TAG:REVISION` for revisions with this tag."""
    service = _load(file)
    words: dict[str, int] = {}
    tagged = []
    for target in _at(service, "spec.traffic") or []:
        name = target.get("revisionName") or "LATEST"
        words[name] = words.get(name, 0) + int(target.get("percent") or 0)
        if target.get("tag") == tag:
            tagged.append(f"{tag}:{name}")
    print(" ".join([f"{name}={share}" for name, share in sorted(words.items()) if share > 0] + tagged))
    return 0


def variable(revision_file: str, name: str) -> int:
    """Print an environment variable of a revision; status 1 if it is not set."""
    value = _environment(_load(revision_file)).get(name)
    if not value:
        return 1
    print(value)
    return 0


def _environment(revision: Json) -> dict[str, str]:
    containers = _at(revision, "spec.containers") or [{}]
    return {entry["name"]: entry.get("value", "") for entry in containers[0].get("env", [])}


def tag_url(file: str, tag: str) -> int:
    """Print the URL that reaches only the tagged revision."""
    for target in _at(_load(file), "status.traffic") or []:
        if target.get("tag") == tag:
            print(target["url"])
            return 0
    return 1


def revisions(service_file: str, revisions_file: str) -> int:
    """Print a table of all revisions, the newest first: traffic, tags, model, limits."""
    shares: dict[str, int] = {}
    tags: dict[str, list[str]] = {}
    for target in _at(_load(service_file), "status.traffic") or []:
        name = target["revisionName"]
        shares[name] = shares.get(name, 0) + int(target.get("percent") or 0)
        if target.get("tag"):
            tags.setdefault(name, []).append(target["tag"])
    rows = [_COLUMNS]
    for item in sorted(_load(revisions_file) or [], key=_created, reverse=True):
        name, spec = item["metadata"]["name"], item["spec"]
        container = spec["containers"][0]
        env = _environment(item)
        scale = item["metadata"].get("annotations") or {}
        limits = _at(container, "resources.limits") or {}
        rows.append(
            (
                name,
                f"{shares.get(name, 0)}%",
                ",".join(tags.get(name, [])) or "-",
                "yes" if _is_ready(item) else "no",
                env.get("MODEL_URI", "-").rstrip("/").rsplit("/", 1)[-1],
                env.get("MODEL_DIGEST", "-"),
                f"{scale.get(f'{_SCALE}/minScale', 0)}-{scale.get(f'{_SCALE}/maxScale', '?')}",
                str(spec.get("containerConcurrency", "-")),
                limits.get("cpu", "-"),
                limits.get("memory", "-"),
                (item["metadata"].get("labels") or {}).get("git-commit", "-"),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


_COLUMNS: Final = (
    *("REVISION", "TRAFFIC", "TAGS", "READY", "MODEL", "DIGEST"),
    *("INSTANCES", "CONCURRENCY", "CPU", "MEMORY", "COMMIT"),
)
_SCALE: Final = "autoscaling.knative.dev"


def _created(revision: Json) -> str:
    return str(_at(revision, "metadata.creationTimestamp"))


def share(file: str, revision: str) -> int:
    """Print the revision's share of the traffic, in percent."""
    targets = _at(_load(file), "status.traffic") or []
    print(sum(int(t.get("percent") or 0) for t in targets if t["revisionName"] == revision))
    return 0


def previous(revisions_file: str, revision: str) -> int:
    """Print the ready revision that was in service when this one was deployed, from its variable REPLACES.

    Revisions between the two never passed their checks. Without that variable (deployed by other means), the newest
    older revision counts.
    """
    items = sorted(_load(revisions_file) or [], key=_created, reverse=True)
    names = [item["metadata"]["name"] for item in items]
    ready = {item["metadata"]["name"] for item in items if _is_ready(item)}
    while revision in names:
        at = names.index(revision)
        older = names[at + 1 :]
        replaced = _environment(items[at]).get(_REPLACES, "")
        revision = replaced if replaced in older else next(iter(older), "")
        if revision in ready:
            print(revision)
            return 0
    return 1


def newer(revisions_file: str, revision: str) -> int:
    """Print the newest ready revision if it is another one: it was rolled back, or never passed its checks."""
    items = sorted(_load(revisions_file) or [], key=_created, reverse=True)
    newest = next((item["metadata"]["name"] for item in items if _is_ready(item)), revision)
    if newest == revision:
        return 1
    print(newest)
    return 0


def ready(revisions_file: str, revision: str) -> int:
    """Whether this revision can serve; prints why if it cannot."""
    item = next(item for item in _load(revisions_file) or [] if item["metadata"]["name"] == revision)
    if _is_ready(item):
        return 0
    conditions = _at(item, "status.conditions") or []
    print(next((c["message"] for c in conditions if c["type"] == "Ready" and c.get("message")), "it is not ready"))
    return 1


_REPLACES: Final = "REPLACES"


def _is_ready(resource: Json) -> bool:
    conditions = _at(resource, "status.conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


# --- Cloud Monitoring -----------------------------------------------------------------------------------------------


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
    current = (_load(listed) or {}).get(collection, [])
    for path in map(Path, rest[split + 1 :]):
        wanted = _fill(_load(str(path)), values)
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
        elif not _covers(found, wanted):
            if "etag" in found:  # A dashboard can only be changed with the etag of its current version.
                (Path(to) / name).write_text(json.dumps(wanted | {"etag": found["etag"]}, indent=2), encoding="utf-8")
            print("change", name, found["name"])
    return 0


def _fill(value: Json, values: dict[str, str]) -> Json:
    """Replace the placeholders. A list with only "${KEY}" becomes the list of the value's comma-separated parts."""
    if isinstance(value, dict):
        return {key: _fill(part, values) for key, part in value.items()}
    if isinstance(value, list):
        whole = re.fullmatch(r"\$\{([A-Z_]+)\}", value[0]) if len(value) == 1 and isinstance(value[0], str) else None
        if whole:
            return [part.strip() for part in values[whole[1]].split(",") if part.strip()]
        return [_fill(part, values) for part in value]
    if isinstance(value, str):
        return re.sub(r"\$\{([A-Z_]+)\}", lambda match: values[match[1]], value)
    return value


# --- sources --------------------------------------------------------------------------------------------------------


def fingerprint(folder: str, list_file: str, *settings: str) -> int:
    """Print a digest, of 32 characters, of the files that are uploaded and every setting."""
    digest = hashlib.sha256("\0".join(settings).encode())
    for name in sorted(Path(list_file).read_text(encoding="utf-8").split("\n")):
        if name:
            digest.update(f"\0{name}\0".encode() + hashlib.sha256((Path(folder) / name).read_bytes()).digest())
    print(digest.hexdigest()[:32])
    return 0


def sha256(file: str) -> int:
    """Print a file's SHA-256 in hex. macOS has no sha256sum."""
    print(hashlib.sha256(Path(file).read_bytes()).hexdigest())
    return 0


_COMMANDS: Final[tuple[Callable[..., int], ...]] = (
    *(get, find, bound, members, enabled, covers, plan),
    *(blue, tag_url, split, share, previous, newer, ready, variable, revisions),
    *(fingerprint, sha256),
)
COMMANDS: Final = {command.__name__.replace("_", "-"): command for command in _COMMANDS}


def main(arguments: list[str]) -> int:
    try:
        return COMMANDS[arguments[0]](*arguments[1:])
    except (KeyError, TypeError, IndexError, ValueError, OSError) as error:
        print(f"state.py {' '.join(arguments)}: {error!r}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
