"""Questions about a Cloud Run service and its revisions: which serves, which served before, which can serve."""

import re
from typing import Final

from ops.deploy.documents import Json, at, load


def blue(file: str, tag: str) -> int:
    """Print the revision in service, and `pinned` if it has all traffic by name, else `floating`.

    If an interrupted deployment left the traffic split, the new revision still has the tag, so the other one is blue.
    """
    service = load(file)
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
    service = load(file)
    words: dict[str, int] = {}
    tagged = []
    for target in at(service, "spec.traffic") or []:
        name = target.get("revisionName") or "LATEST"
        words[name] = words.get(name, 0) + int(target.get("percent") or 0)
        if target.get("tag") == tag:
            tagged.append(f"{tag}:{name}")
    print(" ".join([f"{name}={share}" for name, share in sorted(words.items()) if share > 0] + tagged))
    return 0


def variable(revision_file: str, name: str) -> int:
    """Print an environment variable of a revision; status 1 if it is not set."""
    value = _environment(load(revision_file)).get(name)
    if not value:
        return 1
    print(value)
    return 0


def _environment(revision: Json) -> dict[str, str]:
    containers = at(revision, "spec.containers") or [{}]
    return {entry["name"]: entry.get("value", "") for entry in containers[0].get("env", [])}


def tag_url(file: str, tag: str) -> int:
    """Print the URL that reaches only the tagged revision."""
    for target in at(load(file), "status.traffic") or []:
        if target.get("tag") == tag:
            print(target["url"])
            return 0
    return 1


def revisions(service_file: str, revisions_file: str) -> int:
    """Print a table of all revisions, the newest first, in at most 100 columns; then more about the one in service."""
    shares: dict[str, int] = {}
    tags: dict[str, list[str]] = {}
    for target in at(load(service_file), "status.traffic") or []:
        name = target["revisionName"]
        shares[name] = shares.get(name, 0) + int(target.get("percent") or 0)
        if target.get("tag"):
            tags.setdefault(name, []).append(target["tag"])
    items = sorted(load(revisions_file) or [], key=_created, reverse=True)
    rows = [_COLUMNS]
    for item in items:
        name, env = item["metadata"]["name"], _environment(item)
        commit = (item["metadata"].get("labels") or {}).get("git-commit", "-")
        rows.append(
            (
                name,
                f"{shares.get(name, 0)}%" if _is_ready(item) else "failed",
                ",".join(tags.get(name, [])) or "-",
                env.get("MODEL_URI", "-").rstrip("/").rsplit("/", 1)[-1],
                env.get(_DIGEST, "-").removeprefix("sha256:")[:8],
                re.sub(r"^([0-9a-f]{7})[0-9a-f]*", r"\1", commit),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    gap = "  " if sum(widths) + 2 * len(widths) <= 100 else " "
    for row in rows:
        print(gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for item in items:
        if shares.get(item["metadata"]["name"]):
            print(*_sizes(item), sep="\n")
    return 0


def _sizes(revision: Json) -> list[str]:
    scale = revision["metadata"].get("annotations") or {}
    limits = at(revision["spec"]["containers"][0], "resources.limits") or {}
    at_once = revision["spec"].get("containerConcurrency", "-")
    return [
        f"{revision['metadata']['name']}:",
        f"  {_environment(revision).get(_DIGEST, 'no pinned model')}",
        f"  {scale.get(f'{_SCALE}/minScale', 0)} to {scale.get(f'{_SCALE}/maxScale', '?')} instances of"
        f" {limits.get('cpu', '-')} CPU and {limits.get('memory', '-')}, {at_once} requests at once in each",
    ]


_COLUMNS: Final = ("REVISION", "TRAFFIC", "TAGS", "MODEL", "DIGEST", "COMMIT")
_SCALE: Final = "autoscaling.knative.dev"


def _created(revision: Json) -> str:
    return str(at(revision, "metadata.creationTimestamp"))


def share(file: str, revision: str) -> int:
    """Print the revision's share of the traffic, in percent."""
    targets = at(load(file), "status.traffic") or []
    print(sum(int(t.get("percent") or 0) for t in targets if t["revisionName"] == revision))
    return 0


def previous(revisions_file: str, revision: str) -> int:
    """Print the ready revision that was in service when this one was deployed, from its variable REPLACES.

    Revisions between the two never passed their checks. Without that variable (deployed by other means), the newest
    older revision counts.
    """
    items = sorted(load(revisions_file) or [], key=_created, reverse=True)
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


def partner(http_file: str, http_revision: str, events_file: str) -> int:
    """Print the events function's newest ready revision that served beside this HTTP revision, with the same model.

    An events revision names, in HTTP_REVISION, the one that it was deployed beside. It stays when later HTTP revisions
    need no change of it. So its partner is beside `http_revision`, or beside one that this replaced. Of revisions
    without that variable, the newest with the same model counts.
    """
    https = {item["metadata"]["name"]: item for item in load(http_file) or []}
    digest = _environment(https[http_revision]).get(_DIGEST)
    candidates = [
        item
        for item in sorted(load(events_file) or [], key=_created, reverse=True)
        if _is_ready(item) and _environment(item).get(_DIGEST) == digest
    ]
    line = [http_revision]
    while (replaced := _environment(https[line[-1]]).get(_REPLACES, "")) in https and replaced not in line:
        line.append(replaced)
    beside = [item for item in candidates if _environment(item).get("HTTP_REVISION") in line]
    unnamed = [item for item in candidates if _environment(item).get("HTTP_REVISION", "unknown") == "unknown"]
    for item in [*beside, *unnamed][:1]:
        print(item["metadata"]["name"])
        return 0
    return 1


def newer(revisions_file: str, revision: str) -> int:
    """Print the newest ready revision if it is another one: it was rolled back, or never passed its checks."""
    items = sorted(load(revisions_file) or [], key=_created, reverse=True)
    newest = next((item["metadata"]["name"] for item in items if _is_ready(item)), revision)
    if newest == revision:
        return 1
    print(newest)
    return 0


def ready(revisions_file: str, revision: str) -> int:
    """Whether this revision can serve; prints why if it cannot."""
    item = next(item for item in load(revisions_file) or [] if item["metadata"]["name"] == revision)
    if _is_ready(item):
        return 0
    conditions = at(item, "status.conditions") or []
    print(next((c["message"] for c in conditions if c["type"] == "Ready" and c.get("message")), "it is not ready"))
    return 1


_REPLACES: Final = "REPLACES"
_DIGEST: Final = "MODEL_DIGEST"


def _is_ready(resource: Json) -> bool:
    conditions = at(resource, "status.conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
