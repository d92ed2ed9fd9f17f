import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from sklearn.preprocessing import LabelEncoder

from predictor.artifacts.local_store import LocalStore
from predictor.errors import (
    ArtifactError,
    ArtifactMissing,
    ArtifactUnexpected,
    DigestMismatch,
    GoldenMismatch,
    UnloadableModel,
)
from predictor.models.verification import verify
from tests.support.bundles import PublishedBundle, publish_by_hand


@pytest.fixture
def own(tmp_path: Path) -> PublishedBundle:
    return publish_by_hand(tmp_path)


def found(bundle: PublishedBundle, digest: str | None) -> list[ArtifactError]:
    return verify(LocalStore(bundle.folder), digest)[1]


def test_nothing_is_found_in_a_good_model(bundle: PublishedBundle) -> None:
    assert found(bundle, bundle.digest) == []
    assert found(bundle, None) == []


@pytest.mark.parametrize(
    "name", ["model.pkl", "label_encoder.pkl", "columns.pkl", "model.onnx", "golden.json", "model_card.md"]
)
def test_a_flipped_byte_is_found_in_any_file(own: PublishedBundle, name: str) -> None:
    file = own.folder / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    (finding,) = found(own, own.digest)
    assert isinstance(finding, DigestMismatch)
    assert finding.file == name
    assert finding.expected != finding.actual


def test_a_flipped_byte_in_the_manifest_is_an_error_of_its_own(own: PublishedBundle) -> None:
    file = own.folder / "manifest.json"
    file.write_bytes(file.read_bytes().replace(b'"penguins"', b'"penguinz"'))
    with pytest.raises(DigestMismatch) as caught:
        found(own, own.digest)
    assert caught.value.file == "manifest.json"


def test_missing_and_extra_files_are_found_together(own: PublishedBundle) -> None:
    (own.folder / "model.pkl").unlink()
    (own.folder / "notes.txt").write_text("?")
    kinds = {type(finding): finding for finding in found(own, own.digest)}
    assert set(kinds) == {ArtifactMissing, ArtifactUnexpected}
    assert "model.pkl" in str(kinds[ArtifactMissing])
    assert "notes.txt" in str(kinds[ArtifactUnexpected])


def test_an_empty_folder_has_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match=r"manifest\.json"):
        verify(LocalStore(tmp_path), None)


def test_a_model_that_answers_otherwise_than_published_is_found(tmp_path: Path, bundle: PublishedBundle) -> None:
    golden = (bundle.folder / "golden.json").read_bytes().replace(b"0.9", b"0.1")
    wrong = publish_by_hand(tmp_path, overrides={"golden.json": golden})
    assert [type(finding) for finding in found(wrong, wrong.digest)] == [GoldenMismatch, GoldenMismatch]


def test_pickles_are_opened_only_when_a_digest_verifies_the_manifest(
    tmp_path: Path, booby_trap: Callable[[], tuple[bytes, Path]]
) -> None:
    pickle, proof = booby_trap()
    trapped = publish_by_hand(tmp_path, overrides={"model.pkl": pickle})
    assert found(trapped, None) == []
    assert not proof.exists()
    found(trapped, trapped.digest)
    assert proof.exists()  # The trap works: what was not opened above would have sprung it.


def test_every_file_that_the_manifest_lacks_is_a_finding(tmp_path: Path) -> None:
    incomplete = publish_by_hand(tmp_path, without=("golden.json", "columns.pkl"))
    findings = found(incomplete, incomplete.digest)
    assert [type(finding) for finding in findings] == [ArtifactMissing, ArtifactMissing]
    assert ["columns.pkl" in str(findings[0]), "golden.json" in str(findings[1])] == [True, True]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("columns.pkl", None),
        ("columns.pkl", 7),
        ("label_encoder.pkl", LabelEncoder().fit(["Adelie"])),
        ("label_encoder.pkl", object()),
        ("model.pkl", {"no": "estimator"}),
    ],
)
def test_pickles_of_something_else_are_a_finding_and_never_raise(tmp_path: Path, name: str, value: object) -> None:
    odd = publish_by_hand(tmp_path, overrides={name: pickle.dumps(value)})
    assert [type(finding) for finding in found(odd, odd.digest)] == [UnloadableModel]


def test_a_graph_that_fails_when_it_runs_is_a_finding(tmp_path: Path) -> None:
    model = onnx.load_from_string((publish_by_hand(tmp_path / "good").folder / "model.onnx").read_bytes())
    model.graph.initializer.append(numpy_helper.from_array(np.array([5, 77]), "shape"))
    last = next(node for node in model.graph.node if "probabilities" in node.output)
    last.output[list(last.output).index("probabilities")] = "all"
    model.graph.node.append(helper.make_node("Reshape", ["all", "shape"], ["probabilities"]))
    odd = publish_by_hand(tmp_path / "odd", overrides={"model.onnx": model.SerializeToString()})
    assert [type(finding) for finding in found(odd, odd.digest)] == [UnloadableModel]
