"""What only a local folder can get wrong; tests/integration/test_store.py has the contract of every store."""

import time
from pathlib import Path

import pytest

from predictor.artifacts import StoredFile
from predictor.artifacts.local_store import LocalStore
from predictor.errors import SizeMismatch, StoreUnavailable


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


def test_a_file_that_is_not_as_long_as_listed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"longer than listed")
    with pytest.raises(SizeMismatch):
        LocalStore(tmp_path).read(StoredFile("file", 3), deadline=soon())


def test_a_folder_that_is_a_file_is_an_unavailable_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    broken = LocalStore(tmp_path / "file")
    for call in (
        lambda: broken.list_files(deadline=soon()),
        lambda: broken.list_folders(deadline=soon()),
        lambda: broken.read(StoredFile("x", 1), deadline=soon()),
        lambda: broken.create("x", b"", deadline=soon()),
    ):
        with pytest.raises(StoreUnavailable):
            call()


def test_an_error_says_whether_something_was_to_be_read_or_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    broken = LocalStore(tmp_path / "file")
    with pytest.raises(StoreUnavailable, match="could not be read"):
        broken.list_files(deadline=soon())
    with pytest.raises(StoreUnavailable, match="file/x could not be written"):
        broken.create("x", b"", deadline=soon())


def test_past_the_deadline_nothing_is_read(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no time"):
        LocalStore(tmp_path).list_files(deadline=soon(-1))


def test_a_half_written_file_is_not_part_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".tmpabc.part").write_bytes(b"half")
    assert LocalStore(tmp_path).list_files(deadline=soon()) == {}


def test_a_created_file_leaves_no_temporary_file_and_can_be_read_by_everybody(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "new")
    assert store.create("model.onnx", b"data", deadline=soon())
    assert not store.create("model.onnx", b"other", deadline=soon())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model.onnx"]
    assert (tmp_path / "new/model.onnx").stat().st_mode & 0o777 == 0o644


def test_hidden_folders_are_no_versions(tmp_path: Path) -> None:
    for name in (".git", "v1"):
        (tmp_path / name).mkdir()
    assert LocalStore(tmp_path).list_folders(deadline=soon()) == ["v1"]
