import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from predictor.artifacts.manifest import ONNX_FILE
from predictor.training.dataset import Dataset
from predictor.training.export import Export, Source, export
from predictor.training.golden_rows import choose_golden
from predictor.training.penguin_pipeline import FittedModel
from tests.support.processes import PROJECT
from tests.unit.training.conftest import CREATED


def test_a_bundle_has_every_file_and_both_forms_agree(exported: Export) -> None:
    assert set(exported.bundle.files) == {
        *("model.pkl", "label_encoder.pkl", "columns.pkl", "model.onnx", "golden.json", "model_card.md")
    }
    assert exported.proof.birds == 20_333
    assert exported.proof.difference is not None
    assert exported.proof.difference <= 1e-5


def test_only_the_manifest_knows_when_it_was_made(exported: Export, source: Source, dataset: Dataset) -> None:
    later = export(source, dataset, CREATED + timedelta(days=1))
    assert dict(later.bundle.files) == dict(exported.bundle.files)
    assert later.bundle.digest != exported.bundle.digest
    assert later.bundle.manifest.version > exported.bundle.manifest.version


def test_two_processes_make_the_same_bytes(tmp_path: Path) -> None:
    manifests = []
    for seed in ("1", "2"):
        # Hash seeds order sets and dictionaries of sets; kernels differ between processors.
        kernel = {"OPENBLAS_CORETYPE": "Haswell" if seed == "1" else "Prescott"}
        env = {**os.environ, "PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": "1767323045", **kernel}
        command = [sys.executable, "-m", "predictor", "train", "--to", str(tmp_path / seed)]
        subprocess.run(command, cwd=PROJECT, env=env, check=True, capture_output=True, timeout=300)
        (manifest,) = (tmp_path / seed).glob("*/manifest.json")
        manifests.append(manifest.read_bytes())
    assert manifests[0] == manifests[1]
    document = json.loads(manifests[0])
    assert document["created"] == "2026-01-02T03:04:05Z"
    card = (tmp_path / "1" / document["version"] / "model_card.md").read_text()
    assert (
        f"| accuracy | {document['metrics']['cv_accuracy']:.4f} ± {document['metrics']['cv_accuracy_sd']:.4f} |" in card
    )
    assert f"| log loss (nats) | {document['metrics']['cv_log_loss']:.4f} ± " in card
    assert f"{document['metrics']['test_2009_correct']:.0f} of {document['metrics']['test_2009_birds']:.0f}, " in card


def test_the_version_tells_contents_apart_that_share_a_second(
    source: Source, exported: Export, dataset: Dataset
) -> None:
    other = export(Source(source.model, source.pickles, {}, "# Another card\n", None), dataset, CREATED)
    assert other.bundle.manifest.version != exported.bundle.manifest.version
    assert other.bundle.manifest.version.startswith("20260102-030405-")


def test_without_onnx_only_the_pickles_are_proved(source: Source, dataset: Dataset) -> None:
    exported = export(source, dataset, CREATED, with_onnx=False)
    assert ONNX_FILE not in exported.bundle.files
    assert exported.proof.difference is None


def test_golden_rows_hold_every_kind_of_bird_and_the_doubtful_ones(model: FittedModel, dataset: Dataset) -> None:
    golden = choose_golden(model, dataset)
    kinds = {
        (row.penguin.island, row.penguin.sex, golden.classes[row.probabilities.index(max(row.probabilities))])
        for row in golden.rows
    }
    assert kinds >= {(bird.penguin.island, bird.penguin.sex, bird.species) for bird in dataset.birds}
    least = min(max(row) for row in model.probabilities(dataset.penguins).tolist())
    assert min(max(row.probabilities) for row in golden.rows) == pytest.approx(least, abs=1e-6)
