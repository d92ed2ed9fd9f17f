"""From a URI to a store, and from a root to its newest version."""

import time
from pathlib import Path

import pytest

from predictor.artifacts import newest_version, open_store
from predictor.artifacts.gcs_store import GcsStore
from predictor.artifacts.local_store import LocalStore
from predictor.errors import ArtifactMissing, ConfigurationError


def soon() -> float:
    return time.monotonic() + 10


def test_uris_name_stores_without_touching_them() -> None:
    assert open_store("gs://bucket/a/b/").uri == "gs://bucket/a/b"
    assert open_store("gs://bucket").uri == "gs://bucket"
    assert open_store("some/folder").uri == "some/folder"


@pytest.mark.parametrize("uri", ["gs://", "gs:///root", "s3://bucket/root"])
def test_other_uris_are_configuration_errors(uri: str) -> None:
    with pytest.raises(ConfigurationError, match=r"MODEL_URI"):
        open_store(uri)


def test_the_scheme_decides_which_store_it_is() -> None:
    assert isinstance(open_store("gs://bucket/a"), GcsStore)
    assert isinstance(open_store("./gs:/a"), LocalStore)


def test_a_version_that_is_still_being_published_is_not_the_newest(tmp_path: Path) -> None:
    """The manifest is written last."""
    for version, file in (("20260101", "manifest.json"), ("20260102", "model.pkl")):
        (tmp_path / version).mkdir()
        (tmp_path / version / file).write_bytes(b"{}")
    assert newest_version(LocalStore(tmp_path), deadline=soon()).uri == str(tmp_path / "20260101")


def test_a_root_without_a_version_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match=f"{tmp_path} has no version with a manifest.json"):
        newest_version(LocalStore(tmp_path), deadline=soon())


def test_the_folder_of_one_version_is_not_a_root(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b"{}")
    with pytest.raises(ArtifactMissing, match=r"It is the folder of one version: give the folder above it\.$"):
        newest_version(LocalStore(tmp_path), deadline=soon())
