"""From a store to verified bytes: the manifest against its pin, then the files against the manifest.

Each file is fetched once, and the bytes object that was hashed is the one that is parsed later. Nothing touches the
disk.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from predictor.artifacts.manifest import MANIFEST_FILE, MAX_MANIFEST_BYTES, Manifest
from predictor.artifacts.open_store import newest_version
from predictor.artifacts.store import Store, StoredFile
from predictor.digest import digest_of
from predictor.errors import ArtifactMissing, InvalidManifest, StoreUnavailable
from predictor.telemetry import Phases


@dataclass(frozen=True, slots=True)
class Bundle:
    """Verified bytes of some of a model's files, and the manifest that they were verified against."""

    manifest: Manifest
    digest: str
    files: Mapping[str, bytes]

    def __getitem__(self, name: str) -> bytes:
        return self.files[name]


def fetch_bundle(
    store: Store,
    *,
    pin: str | None,
    choose: Callable[[Manifest], Iterable[str]],
    deadline: float,
    phases: Phases | None = None,
) -> Bundle:
    """Fetch and verify the files that `choose` picks from the manifest.

    `pin` is the manifest's digest, known from elsewhere; without one, anybody who can write to the store could have
    replaced the model. `deadline` is an instant of `time.monotonic()`. Raises `StoreUnavailable`, or the
    `ArtifactError` that says what differs.
    """
    phases = phases or Phases()
    with phases.measure("fetch"):
        listed = store.list_files(deadline=deadline)
        manifest_bytes = store.read(_manifest_file(store, listed, deadline), deadline=deadline)
    with phases.measure("verify"):
        manifest = Manifest.from_bytes(manifest_bytes, pin)
    entries = [manifest.entry(name) for name in choose(manifest)]
    for entry in entries:
        if entry.name not in listed:
            raise ArtifactMissing(store.uri, entry.name)
        entry.check_size(listed[entry.name].size)
    files = {}
    for entry in entries:
        with phases.measure("fetch"):
            data = store.read(listed[entry.name], deadline=deadline)
        with phases.measure("verify"):
            entry.check(data)
        files[entry.name] = data
    return Bundle(manifest, digest_of(manifest_bytes), MappingProxyType(files))


def fetch_file(store: Store, manifest: Manifest, name: str, *, deadline: float) -> bytes:
    """One more file of a model whose manifest has been verified; raises as `fetch_bundle` does."""
    entry = manifest.entry(name)
    listed = store.list_files(deadline=deadline).get(name)
    if listed is None:
        raise ArtifactMissing(store.uri, name)
    entry.check_size(listed.size)
    data = store.read(listed, deadline=deadline)
    entry.check(data)
    return data


def _manifest_file(store: Store, listed: Mapping[str, StoredFile], deadline: float) -> StoredFile:
    file = listed.get(MANIFEST_FILE)
    if file is None:
        raise ArtifactMissing(store.uri, MANIFEST_FILE, _where_one_may_be(store, deadline))
    if file.size > MAX_MANIFEST_BYTES:
        raise InvalidManifest(f"it has {file.size} bytes, at most {MAX_MANIFEST_BYTES} are read")
    return file


def _where_one_may_be(store: Store, deadline: float) -> str:
    """What to do where a folder has no manifest: often it is the root, with the versions below it."""
    try:
        version = newest_version(store, deadline=deadline)
    except (ArtifactMissing, StoreUnavailable):
        return "Give the folder of one version, as `publish` printed it after MODEL_URI=."
    return f"Give the folder of one version, for example {version.uri}."
