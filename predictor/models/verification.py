"""Everything that can be wrong with a published model, found at once instead of at the first error."""

import time
from types import MappingProxyType
from typing import Final

from predictor.artifacts import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    PICKLES,
    SIGNATURE_FILE,
    Bundle,
    Manifest,
    Store,
    StoredFile,
    fetch_bundle,
)
from predictor.digest import digest_of
from predictor.errors import ArtifactError, ArtifactMissing, ArtifactUnexpected, DigestMismatch, LibraryMismatch
from predictor.models.loader import engines_of, tested_engine

VERIFY_TIMEOUT_S: Final = 120.0


def verify(store: Store, digest: str | None) -> tuple[Manifest, list[ArtifactError]]:
    """Check the manifest against `digest`, every file against the manifest, and the engines on the golden rows.

    Returns the manifest and what is wrong, an empty list when all is well: files that are missing, extra or changed,
    each with expected and actual digest, or else an engine that does not load or does not give the published answers.
    Without a `digest` the manifest itself is not verified, so its pickles are not opened. Raises the error itself when
    there is no usable manifest, and `StoreUnavailable`.
    """
    deadline = time.monotonic() + VERIFY_TIMEOUT_S
    manifest = fetch_bundle(store, pin=digest, choose=lambda _: (), deadline=deadline)
    listed = store.list_files(deadline=deadline)
    files, findings = _check_files(store, manifest.manifest, listed, deadline)
    if not findings:
        bundle = Bundle(manifest.manifest, manifest.digest, MappingProxyType(files))
        findings = _check_engines(bundle, unpickle=digest is not None)
    return manifest.manifest, findings


def _check_files(
    store: Store, manifest: Manifest, listed: dict[str, StoredFile], deadline: float
) -> tuple[dict[str, bytes], list[ArtifactError]]:
    files: dict[str, bytes] = {}
    listing = f"The manifest of {manifest.version}"
    needed = [*PICKLES, GOLDEN_FILE] if manifest.input is None else [GOLDEN_FILE]
    missing = [name for name in needed if name not in manifest.file_names]
    findings: list[ArtifactError] = [ArtifactMissing(listing, name) for name in missing]
    for entry in manifest.files:
        if entry.name not in listed:
            findings.append(ArtifactMissing(store.uri, entry.name))
            continue
        data = store.read(listed[entry.name], deadline=deadline)
        actual = digest_of(data)
        if actual != entry.digest:
            findings.append(DigestMismatch(entry.name, entry.digest, actual))
        files[entry.name] = data
    extra = listed.keys() - manifest.file_names - {MANIFEST_FILE, SIGNATURE_FILE}
    findings += [ArtifactUnexpected(store.uri, name) for name in sorted(extra)]
    return files, findings


def _check_engines(bundle: Bundle, *, unpickle: bool) -> list[ArtifactError]:
    findings: list[ArtifactError] = []
    engines = [name for name in engines_of(bundle.manifest) if unpickle or name != "sklearn"]
    for name in engines:
        try:
            tested_engine(name, bundle, batches=True)
        except LibraryMismatch as error:
            if len(engines) == 1:  # Otherwise another form serves the model, whatever is installed.
                findings.append(error)
        except ArtifactError as error:
            findings.append(error)
    return findings
