"""From a URI to a store, and from a root to its newest version."""

from pathlib import Path

from predictor.artifacts.gcs_store import GcsStore
from predictor.artifacts.local_store import LocalStore
from predictor.artifacts.manifest import MANIFEST_FILE
from predictor.artifacts.store import Store
from predictor.errors import ArtifactMissing, ConfigurationError
from predictor.location import split_gs_uri


def open_store(uri: str) -> Store:
    """The store that `uri` names: `gs://bucket/folder`, or a folder. Does no I/O.

    Raises `ConfigurationError` for a URI of another kind.
    """
    try:
        remote = split_gs_uri(uri)
    except ValueError as error:
        raise ConfigurationError("MODEL_URI", uri, str(error)) from error
    return LocalStore(Path(uri)) if remote is None else GcsStore(*remote)


def newest_version(root: Store, *, deadline: float) -> Store:
    """The folder of the newest complete version (one that has a manifest) below `root`.

    Versions sort by the time of their creation. Raises `ArtifactMissing` when there is none.
    """
    for version in reversed(root.list_folders(deadline=deadline)):
        folder = root.folder(version)
        if MANIFEST_FILE in folder.list_files(deadline=deadline):
            return folder
    if MANIFEST_FILE in root.list_files(deadline=deadline):
        advice = "It is the folder of one version: give the folder above it."
    else:
        advice = "Publish a model there first, with `python -m predictor publish FILE... --to ROOT`."
    raise ArtifactMissing(root.uri, f"version with a {MANIFEST_FILE}", advice)
