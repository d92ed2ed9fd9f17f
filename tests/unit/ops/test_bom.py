"""`ops.bom` is imported by the tests that call it: it imports jsonschema, see tests/support/json_schema.py."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from predictor.artifacts import Manifest
from tests.support.bundles import PublishedBundle
from tests.support.processes import PROJECT


def is_valid(document: dict[str, Any]) -> bool:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    from ops.bom import sbom

    return sbom()


@pytest.fixture(scope="module")
def manifest(bundle: PublishedBundle) -> Manifest:
    return Manifest.from_bytes((bundle.folder / "manifest.json").read_bytes(), bundle.digest)


def test_every_locked_package_is_in_the_sbom_with_its_hashes(deployed: dict[str, Any]) -> None:
    locked = re.findall(
        r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE
    )
    found = {(item["name"], item["version"]): item for item in deployed["components"]}
    assert found.keys() == {*locked, ("swagger-ui-dist", found_version(deployed))}
    for name, version in locked:
        references = found[name, version]["externalReferences"]
        assert any(reference["hashes"] for reference in references), name


def found_version(deployed: dict[str, Any]) -> str:
    (version,) = [item["version"] for item in deployed["components"] if item["name"] == "swagger-ui-dist"]
    return str(version)


@pytest.mark.slow
def test_the_sbom_is_valid_cyclonedx(deployed: dict[str, Any]) -> None:
    assert is_valid(deployed)


def test_the_ml_bom_is_valid_cyclonedx(manifest: Manifest, bundle: PublishedBundle) -> None:
    from ops.bom import mlbom

    assert is_valid(mlbom(manifest, bundle.digest))


def test_the_ml_bom_is_bound_to_the_digest_that_serves(manifest: Manifest, bundle: PublishedBundle) -> None:
    from ops.bom import mlbom

    model = mlbom(manifest, bundle.digest)["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    assert model["hashes"] == [{"alg": "SHA-256", "content": bundle.digest.removeprefix("sha256:")}]
    assert model["properties"] == [{"name": "penguin-predictor:model_digest", "value": bundle.digest}]
    listed = {item["name"]: item["hashes"][0]["content"] for item in model["components"]}
    assert listed.pop("manifest.json") == bundle.digest.removeprefix("sha256:")
    assert listed == {entry.name: entry.sha256 for entry in manifest.files}


def test_the_model_card_has_the_models_figures_and_data(manifest: Manifest, bundle: PublishedBundle) -> None:
    from ops.bom import mlbom

    document = mlbom(manifest, bundle.digest)
    card = document["metadata"]["component"]["modelCard"]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [{"type": "accuracy", "value": "1"}]
    assert card["modelParameters"]["datasets"] == [{"ref": "training-data"}]
    assert card["modelParameters"]["outputs"][0] == {"format": "probability of species Adelie"}
    names = {item["name"]: item for item in document["components"]}
    assert names["training data"]["hashes"][0]["content"] == manifest.training_data_sha256
    assert names["scikit-learn"]["version"] == manifest.libraries["scikit-learn"]


def test_a_model_whose_data_is_unknown_has_none(manifest: Manifest, bundle: PublishedBundle) -> None:
    from ops.bom import mlbom

    document = mlbom(manifest.model_copy(update={"training_data_sha256": None}), bundle.digest)
    assert is_valid(document)
    assert "training data" not in {item["name"] for item in document["components"]}


def test_what_is_not_valid_is_not_written(tmp_path: Path, manifest: Manifest, bundle: PublishedBundle) -> None:
    from ops.bom import mlbom, write

    document = mlbom(manifest, bundle.digest)
    document["metadata"]["component"]["modelCard"]["modelParameters"]["approach"]["type"] = "magic"
    with pytest.raises(ValueError, match="is not valid CycloneDX"):
        write(document, tmp_path / "mlbom.cdx.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_command_writes_both_the_same_every_time(
    bundle: PublishedBundle, manifest: Manifest, deployed: dict[str, Any], tmp_path: Path
) -> None:
    from ops.bom import mlbom

    def run(folder: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ops.bom", str(tmp_path / folder), *options]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    done = run("boms", "--model", str(bundle.folder.parent), "--digest", bundle.digest)
    assert done.returncode == 0, done.stderr
    assert bundle.digest in done.stdout
    assert json.loads((tmp_path / "boms/sbom.cdx.json").read_bytes()) == deployed
    assert json.loads((tmp_path / "boms/mlbom.cdx.json").read_bytes()) == mlbom(manifest, bundle.digest)
    wrong = run("wrong", "--model", str(bundle.folder), "--digest", "sha256:" + "0" * 64)
    assert (wrong.returncode, wrong.stderr.startswith("error: manifest.json has digest")) == (1, True)
