import json

import pytest

from predictor.artifacts.manifest import FileEntry, Manifest
from predictor.digest import digest_of
from predictor.errors import ArtifactMissing, DigestMismatch, InvalidManifest, SizeMismatch
from tests.support.bundles import PublishedBundle


@pytest.fixture
def manifest_bytes(bundle: PublishedBundle) -> bytes:
    return (bundle.folder / "manifest.json").read_bytes()


def test_its_canonical_bytes_are_the_ones_that_were_published(manifest_bytes: bytes) -> None:
    assert Manifest.from_bytes(manifest_bytes, None).to_bytes() == manifest_bytes


def test_a_wrong_pin_is_refused_before_the_bytes_are_parsed() -> None:
    with pytest.raises(DigestMismatch) as caught:
        Manifest.from_bytes(b"not even JSON", "sha256:" + "0" * 64)
    assert caught.value.file == "manifest.json"
    assert caught.value.actual == digest_of(b"not even JSON")


def test_a_manifest_of_the_first_version_is_still_read(manifest_bytes: bytes) -> None:
    """It has no `input`: its models are one-hot encoded."""
    document = {**json.loads(manifest_bytes), "schema_version": 1}
    del document["input"]
    manifest = Manifest.from_bytes(json.dumps(document).encode(), None)
    assert (manifest.schema_version, manifest.input) == (1, None)


@pytest.mark.parametrize(
    ("files", "estimator"),
    [(("model.pkl",), "model.pkl"), (("model.pkl", "pipeline.pkl"), "pipeline.pkl"), (("model.onnx",), None)],
)
def test_the_file_of_the_estimator_is_known(
    manifest_bytes: bytes, files: tuple[str, ...], estimator: str | None
) -> None:
    entries = tuple(FileEntry.describing(name, b"") for name in files)
    manifest = Manifest.from_bytes(manifest_bytes, None).model_copy(update={"files": entries})
    assert manifest.estimator_file == estimator


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema_version": 3}, "schema_version"),
        ({"input": [{"name": "", "feature": "sex"}]}, r"input\.0\.name"),
        ({"input": [{"name": "sex"}]}, r"input\.0\.feature"),
        ({"files": []}, "files"),
        ({"files": [{"name": "../model.pkl", "sha256": "0" * 64, "size": 1}]}, "files.0.name"),
        ({"files": [{"name": "model.pkl", "sha256": "0" * 63, "size": 1}]}, "files.0.sha256"),
        ({"files": [{"name": "model.pkl", "sha256": "0" * 64, "size": -1}]}, "files.0.size"),
        ({"version": "V 1"}, "version"),
        ({"surprise": 1}, "surprise"),
        ({"files": [{"name": "a", "sha256": "0" * 64, "size": 1}] * 2}, "listed twice"),
    ],
)
def test_an_unusable_manifest_says_what_is_wrong(manifest_bytes: bytes, change: dict[str, object], reason: str) -> None:
    document = {**json.loads(manifest_bytes), **change}
    with pytest.raises(InvalidManifest, match=reason):
        Manifest.from_bytes(json.dumps(document).encode(), None)


def test_a_changed_file_is_named_with_both_digests() -> None:
    entry = FileEntry.describing("model.onnx", b"good")
    with pytest.raises(DigestMismatch) as caught:
        entry.check(b"evil")
    error = caught.value
    assert (error.file, error.expected, error.actual) == ("model.onnx", digest_of(b"good"), digest_of(b"evil"))


def test_a_file_of_another_size_is_named_with_both_sizes() -> None:
    with pytest.raises(SizeMismatch) as caught:
        FileEntry.describing("model.onnx", b"good").check(b"goods")
    assert (caught.value.expected, caught.value.actual) == (4, 5)


def test_a_file_that_is_not_listed_is_missing(manifest_bytes: bytes) -> None:
    with pytest.raises(ArtifactMissing, match=r"model\.tflite"):
        Manifest.from_bytes(manifest_bytes, None).entry("model.tflite")
