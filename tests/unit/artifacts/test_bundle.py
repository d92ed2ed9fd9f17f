"""From a store to verified bytes: what is fetched, in which order it is checked, and what an error says."""

import re
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from predictor.artifacts import Bundle, Manifest, StoredFile, fetch_bundle
from predictor.artifacts.local_store import LocalStore
from predictor.artifacts.manifest import MAX_MANIFEST_BYTES
from predictor.errors import ArtifactMissing, DigestMismatch, InvalidManifest, SizeMismatch
from predictor.telemetry import Phases
from tests.support.bundles import PublishedBundle, publish_by_hand


class RecordingStore(LocalStore):
    """Records which files were read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.read_files: list[str] = []

    def read(self, file: StoredFile, *, deadline: float) -> bytes:
        self.read_files.append(file.name)
        return super().read(file, deadline=deadline)


def fetch(store: LocalStore, *names: str, pin: str | None = None, phases: Phases | None = None) -> Bundle:
    def choose(_: Manifest) -> Iterable[str]:
        return names

    return fetch_bundle(store, pin=pin, choose=choose, deadline=time.monotonic() + 10, phases=phases)


@pytest.fixture
def own(tmp_path: Path) -> PublishedBundle:
    """A bundle that a test may damage."""
    return publish_by_hand(tmp_path)


def test_a_root_in_place_of_a_version_is_told_which_version_there_is(bundle: PublishedBundle) -> None:
    root = bundle.folder.parent
    expected = f"{root} has no manifest.json. Give the folder of one version, for example {bundle.folder}."
    with pytest.raises(ArtifactMissing, match=re.escape(expected)):
        fetch(LocalStore(root))


def test_an_empty_folder_is_told_where_the_right_one_is_found(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match=r"Give the folder of one version, as `publish` printed it"):
        fetch(LocalStore(tmp_path))


def test_only_the_chosen_files_are_fetched_and_each_once(bundle: PublishedBundle) -> None:
    store = RecordingStore(bundle.folder)
    fetched = fetch(store, "golden.json", "model.onnx", pin=bundle.digest)
    assert store.read_files == ["manifest.json", "golden.json", "model.onnx"]
    assert dict(fetched.files) == {name: (bundle.folder / name).read_bytes() for name in ("golden.json", "model.onnx")}
    assert fetched["model.onnx"] is fetched.files["model.onnx"]
    assert fetched.digest == bundle.digest


def test_without_a_pin_the_digest_is_still_that_of_the_manifest(bundle: PublishedBundle) -> None:
    assert fetch(LocalStore(bundle.folder)).digest == bundle.digest


def test_with_another_pin_no_file_is_fetched(bundle: PublishedBundle) -> None:
    store = RecordingStore(bundle.folder)
    with pytest.raises(DigestMismatch, match=r"manifest\.json") as caught:
        fetch(store, "model.onnx", pin="sha256:" + "0" * 64)
    assert caught.value.actual == bundle.digest
    assert store.read_files == ["manifest.json"]


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match=r"manifest\.json") as caught:
        fetch(LocalStore(tmp_path))
    assert str(tmp_path) in str(caught.value)


def test_a_manifest_over_the_limit_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b" " * (MAX_MANIFEST_BYTES + 1))
    store = RecordingStore(tmp_path)
    with pytest.raises(InvalidManifest, match=f"at most {MAX_MANIFEST_BYTES} are read"):
        fetch(store)
    assert store.read_files == []


def test_a_file_that_the_store_lacks_is_missing_before_any_other_is_fetched(own: PublishedBundle) -> None:
    (own.folder / "model.onnx").unlink()
    store = RecordingStore(own.folder)
    with pytest.raises(ArtifactMissing, match=r"model\.onnx"):
        fetch(store, "golden.json", "model.onnx")
    assert store.read_files == ["manifest.json"]


def test_a_file_of_another_size_is_refused_before_any_is_fetched(own: PublishedBundle) -> None:
    with (own.folder / "model.onnx").open("ab") as stream:
        stream.write(b"!")
    store = RecordingStore(own.folder)
    with pytest.raises(SizeMismatch, match=r"model\.onnx"):
        fetch(store, "golden.json", "model.onnx")
    assert store.read_files == ["manifest.json"]


def test_a_changed_byte_is_found_in_the_bytes_that_were_fetched(own: PublishedBundle) -> None:
    data = (own.folder / "model.onnx").read_bytes()
    (own.folder / "model.onnx").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DigestMismatch, match=r"model\.onnx"):
        fetch(LocalStore(own.folder), "model.onnx", pin=own.digest)


def test_fetching_and_verifying_are_measured(bundle: PublishedBundle) -> None:
    phases = Phases()
    fetch(LocalStore(bundle.folder), "model.onnx", phases=phases)
    assert list(phases.as_dict()) == ["fetch", "verify"]
