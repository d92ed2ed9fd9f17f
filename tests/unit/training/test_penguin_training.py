import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import PROJECT


@pytest.mark.slow
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
