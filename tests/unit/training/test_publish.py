from pathlib import Path

import pytest

from predictor.artifacts import newest_version
from predictor.artifacts.local_store import LocalStore
from predictor.errors import ArtifactExists, ArtifactMissing, ArtifactUnexpected, DigestMismatch, StoreUnavailable
from predictor.models.verification import verify
from predictor.training.dataset import Dataset
from predictor.training.export import Export
from predictor.training.publish import Published, publish, write


def written(exported: Export, root: LocalStore) -> Published:
    return write(exported.bundle, exported.bundle.manifest.to_bytes(), root)


class StopsAfter(LocalStore):
    """A folder whose writer dies after some files."""

    def __init__(self, folder: Path, files: int) -> None:
        super().__init__(folder)
        self.root = folder
        self.left = files

    def folder(self, name: str) -> "StopsAfter":
        return StopsAfter(self.root / name, self.left)

    def create(self, name: str, data: bytes, *, deadline: float) -> bool:
        if self.left == 0:
            raise StoreUnavailable(self.uri, "the plug was pulled")
        self.left -= 1
        return super().create(name, data, deadline=deadline)


def test_what_is_published_verifies_under_the_printed_digest(exported: Export, tmp_path: Path) -> None:
    published = written(exported, LocalStore(tmp_path))
    assert published.uri == str(tmp_path / exported.bundle.manifest.version)
    assert verify(LocalStore(published.uri), published.digest)[1] == []


def test_publishing_twice_changes_nothing(exported: Export, tmp_path: Path) -> None:
    first = written(exported, LocalStore(tmp_path))
    before = {file: file.stat().st_mtime_ns for file in Path(first.uri).iterdir()}
    assert written(exported, LocalStore(tmp_path)) == first
    assert {file: file.stat().st_mtime_ns for file in Path(first.uri).iterdir()} == before


@pytest.mark.parametrize("files", range(8))
def test_an_interruption_leaves_nothing_that_can_be_served_and_can_be_completed(
    exported: Export, tmp_path: Path, files: int
) -> None:
    with pytest.raises(StoreUnavailable):
        written(exported, StopsAfter(tmp_path, files))
    folder = LocalStore(tmp_path / exported.bundle.manifest.version)
    with pytest.raises(ArtifactMissing):
        verify(folder, exported.bundle.digest)
    with pytest.raises(ArtifactMissing):
        newest_version(LocalStore(tmp_path), deadline=float("inf"))
    written(exported, LocalStore(tmp_path))
    assert verify(folder, exported.bundle.digest)[1] == []


def test_a_published_file_is_never_replaced(exported: Export, tmp_path: Path) -> None:
    published = written(exported, LocalStore(tmp_path))
    card = Path(published.uri) / "model_card.md"
    card.write_text("# Something else\n")
    with pytest.raises(ArtifactExists, match=r"model_card\.md"):
        written(exported, LocalStore(tmp_path))
    assert card.read_text() == "# Something else\n"


def test_a_folder_with_other_things_in_it_is_left_alone(exported: Export, tmp_path: Path) -> None:
    folder = tmp_path / exported.bundle.manifest.version
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ArtifactUnexpected, match=r"notes\.txt"):
        written(exported, LocalStore(tmp_path))
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]


def test_a_model_moves_from_folder_to_folder_with_its_digest(
    exported: Export, dataset: Dataset, tmp_path: Path
) -> None:
    source = LocalStore(written(exported, LocalStore(tmp_path / "from")).uri)
    seen: list[tuple[str, int, int]] = []
    published, proof = publish(source, LocalStore(tmp_path / "to"), dataset, lambda *step: seen.append(step))
    assert published.digest == exported.bundle.digest
    assert proof == exported.proof
    assert seen[-1][0] == "manifest.json"
    assert seen[-1][1] == seen[-1][2]


def test_a_damaged_source_is_not_published(exported: Export, dataset: Dataset, tmp_path: Path) -> None:
    source = Path(written(exported, LocalStore(tmp_path / "from")).uri)
    pickle = source / "model.pkl"
    data = bytearray(pickle.read_bytes())
    data[100] ^= 1
    pickle.write_bytes(data)
    with pytest.raises(DigestMismatch, match=r"model\.pkl"):
        publish(LocalStore(source), LocalStore(tmp_path / "to"), dataset)
    assert not (tmp_path / "to").exists()
