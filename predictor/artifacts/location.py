"""From a URI to a store, and from a root to its newest version."""

from pathlib import Path
from typing import Final

from predictor.artifacts.gcs_store import GcsStore
from predictor.artifacts.local_store import LocalStore
from predictor.artifacts.manifest import MANIFEST_FILE
from predictor.artifacts.store import Store
from predictor.errors import ArtifactMissing, ConfigurationError

GCS_SCHEME: Final = "gs://"


def open_store(uri: str) -> Store:
    """The store that `uri` names: `gs://bucket/folder`, or a folder. Does no I/O.

    Raises `ConfigurationError` for a URI of another kind.
    """
    if uri.startswith(GCS_SCHEME):
        bucket, _, prefix = uri.removeprefix(GCS_SCHEME).partition("/")
        if not bucket:
            raise ConfigurationError("MODEL_URI", uri, "it names no bucket")
        return GcsStore(bucket, prefix)
    if "://" in uri:
        raise ConfigurationError("MODEL_URI", uri, "only gs:// and folders are supported")
    return LocalStore(Path(uri))


def newest_version(root: Store, *, deadline: float) -> Store:
    """The folder of the newest complete version (one that has a manifest) below `root`.

    Versions sort by the time of their creation. Raises `ArtifactMissing` when there is none.
    """
    for version in reversed(root.list_folders(deadline=deadline)):
        folder = root.folder(version)
        if MANIFEST_FILE in folder.list_files(deadline=deadline):
            return folder
    raise ArtifactMissing(root.uri, f"version with a {MANIFEST_FILE}")
