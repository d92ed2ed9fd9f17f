"""Questions of deploy.sh about JSON: what Google's APIs answered is saved to files, and examined here.

Each command reads files and prints words that a shell can read. Standard library only, so that any Python runs it.
Exit status 0: yes, or found; 1: no, or not found; 2: wrong arguments or unreadable files.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ops.deploy import comparing
from ops.deploy.documents import at, load
from ops.deploy.plans import audited, cleanup, plan
from ops.deploy.revisions import blue, newer, partner, previous, ready, revisions, share, split, tag_url, variable


def get(file: str, path: str) -> int:
    """Print the value at `path`; status 1 if there is none."""
    value = at(load(file), path)
    if value is None:
        return 1
    print(value if isinstance(value, str) else json.dumps(value))
    return 0


def find(file: str, path: str, wanted: str) -> int:
    """Print the item of a list whose value at `path` is `wanted`, or ends in `/wanted`."""
    for item in load(file) or []:
        value = str(at(item, path))
        if value == wanted or value.endswith(f"/{wanted}"):
            print(json.dumps(item))
            return 0
    return 1


def bound(file: str, role: str, member: str) -> int:
    """Whether an IAM policy gives `member` the role, without a condition."""
    bindings = (load(file) or {}).get("bindings", [])
    return int(not any(b["role"] == role and member in b.get("members", []) and "condition" not in b for b in bindings))


def members(file: str, role: str) -> int:
    """Print the members that have the role, one per line."""
    bindings = (load(file) or {}).get("bindings", [])
    for member in sorted({member for b in bindings if b["role"] == role for member in b.get("members", [])}):
        print(member)
    return 0


def enabled(file: str, api: str) -> int:
    """Whether Service Usage says that the API is enabled."""
    services = (load(file) or {}).get("services", [])
    return int(not any(s["name"].endswith(f"/{api}") and s.get("state") == "ENABLED" for s in services))


def annotated(file: str, path: str, key: str, value: str) -> int:
    """Whether the object at `path` has this key with this value, in any case: gcloud writes `True`."""
    return int(str((at(load(file), path) or {}).get(key, "")).lower() != value)


def refused_by_bucket(entries_file: str) -> int:
    """Whether the newest of these log lines, if there are any, says that the model's bucket cannot be read."""
    entries = load(entries_file) or []
    return int(bool(entries) and at(entries[0], "jsonPayload.error_type") != "StoreUnavailable")


# --- comparing ------------------------------------------------------------------------------------------------------


def covers(current: str, wanted: str) -> int:
    """Whether the current resource has every value of the wanted one. It may have more, since Google adds fields."""
    return int(not comparing.covers(load(current), load(wanted)))


# --- Cloud Monitoring -----------------------------------------------------------------------------------------------


def alerts_of(file: str, prefix: str) -> int:
    """Status 1, and their names, if alerts are open whose policies' names begin with `prefix`."""
    alerts = (load(file) or {}).get("alerts", [])
    names = {str(at(alert, "policy.displayName")) for alert in alerts if alert.get("state") == "OPEN"}
    mine = sorted(name for name in names if name.startswith(prefix))
    print(", ".join(mine))
    return int(bool(mine))


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
    *(get, find, bound, members, audited, cleanup, enabled, annotated, covers, plan),
    *(
        blue,
        tag_url,
        split,
        share,
        previous,
        partner,
        newer,
        ready,
        refused_by_bucket,
        variable,
        revisions,
    ),
    alerts_of,
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
