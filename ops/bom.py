"""Bills of materials in CycloneDX 1.6: what is deployed (sbom.cdx.json), and what a model is (mlbom.cdx.json).

`make sbom` runs it. Both documents are checked against CycloneDX's schema before they are written. The same input gives
the same bytes.

The SBOM lists the lock file from which the function is built, and Swagger UI, which lies in this source. The ML-BOM
describes one published model and carries the digest of its manifest: the same value that a function is pinned to, and
that its answers name. It is no file of the model, because the manifest would then have to hold its own digest.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Final

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from predictor.artifacts import MANIFEST_FILE, Manifest, Store, fetch_bundle, newest_version, open_store
from predictor.errors import PredictorError
from predictor.penguin import LABEL
from predictor.schema import FEATURES

ROOT: Final = Path(__file__).resolve().parent.parent
SWAGGER_UI: Final = ROOT / "predictor" / "web" / "swagger_ui"
VENDORED: Final = ("swagger-ui.css", "swagger-ui-bundle.js")
TIMEOUT_S: Final = 300.0

Json = dict[str, Any]


def sbom() -> Json:
    """The deployed packages with their versions and hashes, as requirements.txt locks them, and Swagger UI."""
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(ROOT / "requirements.txt")]
    options = [
        "--pyproject",
        str(ROOT / "pyproject.toml"),
        "--output-reproducible",
        "--no-validate",
        "--spec-version",
        "1.6",
    ]
    made = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    document: Json = json.loads(made.stdout)
    for component in document["components"]:
        component.pop("description", None)  # The line of the lock file, with all hashes once more.
    document["components"].append(_swagger_ui())
    return document


def _swagger_ui() -> Json:
    found = re.search(r"`swagger-ui-dist` ([\d.]+)", (SWAGGER_UI / "README.md").read_text())
    if found is None:
        raise ValueError(f"{SWAGGER_UI / 'README.md'} does not say the version of swagger-ui-dist")
    return {
        "type": "library",
        "bom-ref": "swagger-ui-dist",
        "name": "swagger-ui-dist",
        "version": found[1],
        "purl": f"pkg:npm/swagger-ui-dist@{found[1]}",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "components": [_file(name, hashlib.sha256((SWAGGER_UI / name).read_bytes()).hexdigest()) for name in VENDORED],
    }


def mlbom(manifest: Manifest, digest: str) -> Json:
    """A model's card, files and libraries, from its verified manifest."""
    sha256 = digest.removeprefix("sha256:")
    files = [_file(MANIFEST_FILE, sha256), *(_file(entry.name, entry.sha256) for entry in manifest.files)]
    libraries = {"python": manifest.python, **manifest.libraries}
    model = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": manifest.name,
        "version": manifest.version,
        "hashes": [{"alg": "SHA-256", "content": sha256}],
        "properties": [{"name": "penguin-predictor:model_digest", "value": digest}],
        "modelCard": _model_card(manifest),
        "components": files,
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}",
        "version": 1,
        "metadata": {"timestamp": manifest.created, "component": model},
        "components": [
            *(_library(name, version) for name, version in sorted(libraries.items())),
            *_training_data(manifest),
        ],
        "dependencies": [{"ref": "model", "dependsOn": sorted(libraries)}],
    }


def _model_card(manifest: Manifest) -> Json:
    parameters: Json = {
        "approach": {"type": "supervised"},
        "task": "classification",
        "inputs": [{"format": name} for name in FEATURES],
        "outputs": [{"format": f"probability of {LABEL} {name}"} for name in manifest.classes],
    }
    if manifest.training_data_sha256 is not None:
        parameters["datasets"] = [{"ref": "training-data"}]
    metrics = [{"type": name, "value": f"{value:g}"} for name, value in sorted(manifest.metrics.items())]
    return {"modelParameters": parameters, "quantitativeAnalysis": {"performanceMetrics": metrics}}


def _training_data(manifest: Manifest) -> list[Json]:
    if manifest.training_data_sha256 is None:
        return []
    hashes = [{"alg": "SHA-256", "content": manifest.training_data_sha256}]
    contents = [{"type": "dataset", "name": "training data"}]
    return [{"type": "data", "bom-ref": "training-data", "name": "training data", "hashes": hashes, "data": contents}]


def _file(name: str, sha256: str) -> Json:
    return {"type": "file", "bom-ref": name, "name": name, "hashes": [{"alg": "SHA-256", "content": sha256}]}


def _library(name: str, version: str) -> Json:
    if name == "python":
        return {"type": "platform", "bom-ref": name, "name": name, "version": version}
    purl = f"pkg:pypi/{name.lower()}@{version}"
    return {"type": "library", "bom-ref": name, "name": name, "version": version, "purl": purl}


def write(document: Json, path: Path) -> None:
    """Write a document. Raises `ValueError` unless it is valid CycloneDX."""
    text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise ValueError(f"{path.name} is not valid CycloneDX: {error}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _published(uri: str) -> Store:
    """The model at `uri`, or the newest below it."""
    deadline = time.monotonic() + TIMEOUT_S
    store = open_store(uri)
    return store if MANIFEST_FILE in store.list_files(deadline=deadline) else newest_version(store, deadline=deadline)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.bom", description=__doc__)
    parser.add_argument("folder", type=Path, help="where both documents are written")
    parser.add_argument("--model", default="artifacts", metavar="URI", help="a published model, or a folder of them")
    parser.add_argument("--digest", help="the model's digest; without it the manifest itself is not verified")
    options = parser.parse_args()
    try:
        bundle = fetch_bundle(
            _published(options.model),
            pin=options.digest,
            choose=lambda manifest: manifest.file_names,
            deadline=time.monotonic() + TIMEOUT_S,
        )
    except PredictorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    write(sbom(), options.folder / "sbom.cdx.json")
    write(mlbom(bundle.manifest, bundle.digest), options.folder / "mlbom.cdx.json")
    print(f"{options.folder}/sbom.cdx.json and mlbom.cdx.json, of model {bundle.manifest.version} ({bundle.digest})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
