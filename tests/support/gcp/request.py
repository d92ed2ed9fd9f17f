"""A request to the fake, and what an API answers."""

import io
import json
import re
import urllib.parse
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Json = Any

_READING: Final = re.compile(r":(getIamPolicy|testIamPermissions|generateUploadUrl|generateIdToken|list)$")


class Refused(Exception):
    """What an API answers instead of what was asked for."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def not_found(name: str) -> Refused:
    return Refused(404, f"{name} not found")


@dataclass(frozen=True)
class Recorded:
    """One request, as the tests look at it."""

    method: str
    api: str
    """`pubsub`, `run` ...: the first part of the path, which tells the APIs apart."""
    path: str
    """The rest of the path, unquoted."""
    query: Mapping[str, str]
    query_string: str
    body: Json
    """Parsed JSON; None where there is none."""
    raw: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    region: str = ""
    """For Cloud Run, which has one host per region."""

    @property
    def mutating(self) -> bool:
        """Whether it changes something. Tokens, permissions asked about and reserved upload URLs do not count."""
        reading = self.method in {"GET", "HEAD"} or self.api in {"token", "sts"}
        return not reading and not _READING.search(self.path)

    @property
    def zipped(self) -> list[str]:
        """The names in an uploaded source archive."""
        with zipfile.ZipFile(io.BytesIO(self.raw)) as archive:
            return sorted(name for name in archive.namelist() if not name.endswith("/"))

    def all_of(self, key: str) -> list[str]:
        """Every value of a repeated query parameter."""
        return urllib.parse.parse_qs(self.query_string).get(key, [])

    def match(self, method: str, pattern: str) -> re.Match[str] | None:
        return re.fullmatch(pattern, self.path) if method == self.method else None


def parse(method: str, target: str, raw: bytes, headers: Mapping[str, str]) -> Recorded:
    """`target` may be absolute: gcloud uses the fake as the proxy to Cloud Run's regional host."""
    url = urllib.parse.urlsplit(target)
    api, _, path = url.path.lstrip("/").partition("/")
    try:
        body = json.loads(raw) if raw else None
    except ValueError:
        body = None
    region = url.netloc.partition("-run.")[0] if "-run." in url.netloc else ""
    query = dict(urllib.parse.parse_qsl(url.query))
    return Recorded(method, api, urllib.parse.unquote(path), query, url.query, body, raw, dict(headers), region)


def masked(current: Json, change: Json, mask: str) -> Json:
    """`current` with the fields of a comma-separated update mask taken from `change`, as Google's APIs do."""
    result = json.loads(json.dumps(current))
    for path in filter(None, mask.split(",")):
        *parents, leaf = [re.sub("_([a-z])", lambda match: match[1].upper(), key) for key in path.split(".")]
        target, source = result, change
        for key in parents:
            target, source = target.setdefault(key, {}), (source or {}).get(key)
        if source and leaf in source:
            target[leaf] = source[leaf]
        else:
            target.pop(leaf, None)
    return result


def leave_out_defaults(resource: Json) -> Json:
    """The resource as Google's APIs answer it: without fields that have their default, and labels in another order."""
    if isinstance(resource, list):
        return [leave_out_defaults(item) for item in resource]
    if not isinstance(resource, dict):
        return resource
    answered = {key: leave_out_defaults(value) for key, value in resource.items() if not _is_default(key, value)}
    if isinstance(answered.get("labels"), list):
        answered["labels"] = answered["labels"][::-1]
    return answered


def _is_default(key: str, value: Json) -> bool:
    """Whether proto3's JSON leaves the field out: false, zero, empty, and the first word of an enumeration."""
    return value in (None, False, 0, "", []) or (key, value) == ("valueType", "STRING")
