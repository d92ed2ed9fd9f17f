"""One contract for both stores: a local folder, and Cloud Storage on the real fake-gcs-server."""

import time
from pathlib import Path

import pytest

from predictor.artifacts import Store, StoredFile, newest_version
from predictor.artifacts.gcs_store import GcsStore
from predictor.artifacts.local_store import LocalStore
from predictor.errors import ArtifactMissing, StoreUnavailable
from tests.support.gcs import GcsServer

DATA = bytes(range(256)) * 40


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture(params=["local", "gcs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "local":
        return LocalStore(tmp_path / "root")
    server: GcsServer = request.getfixturevalue("gcs_server")
    return GcsStore(request.getfixturevalue("bucket"), "some/root", client=server.client())


def test_an_absent_folder_is_empty(store: Store) -> None:
    assert store.list_files(deadline=soon()) == {}
    assert store.list_folders(deadline=soon()) == []


def test_what_is_created_is_listed_and_read(store: Store) -> None:
    assert store.create("model.onnx", DATA, deadline=soon())
    listed = store.list_files(deadline=soon())
    assert {name: file.size for name, file in listed.items()} == {"model.onnx": len(DATA)}
    assert store.read(listed["model.onnx"], deadline=soon()) == DATA


def test_nothing_is_ever_overwritten(store: Store) -> None:
    store.create("model.onnx", DATA, deadline=soon())
    assert not store.create("model.onnx", b"other", deadline=soon())
    assert store.read(store.list_files(deadline=soon())["model.onnx"], deadline=soon()) == DATA


def test_an_empty_file_is_a_file(store: Store) -> None:
    store.create("empty", b"", deadline=soon())
    assert store.read(store.list_files(deadline=soon())["empty"], deadline=soon()) == b""


def test_folders_are_listed_apart_from_files(store: Store) -> None:
    store.folder("b").create("x", b"1", deadline=soon())
    store.folder("a").create("x", b"1", deadline=soon())
    store.create("file", b"1", deadline=soon())
    assert store.list_folders(deadline=soon()) == ["a", "b"]
    assert set(store.list_files(deadline=soon())) == {"file"}
    assert store.folder("a").uri == f"{store.uri}/a"


def test_a_file_that_has_been_removed_is_a_retryable_error(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="replaced or removed"):
        store.read(StoredFile("gone", 1, generation=1), deadline=soon())


def test_the_newest_version_is_the_last_that_has_a_manifest(store: Store) -> None:
    for version, file in (("20260101", "manifest.json"), ("20260102", "manifest.json"), ("20260103", "model.pkl")):
        store.folder(version).create(file, b"{}", deadline=soon())
    assert newest_version(store, deadline=soon()).uri == f"{store.uri}/20260102"


def test_a_root_without_a_version_says_so(store: Store) -> None:
    with pytest.raises(ArtifactMissing, match=r"manifest\.json"):
        newest_version(store, deadline=soon())
