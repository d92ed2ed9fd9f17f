"""Publishing: into a new folder, the manifest last, and never over an existing file."""

import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import joblib

from predictor.artifacts import MANIFEST_FILE, PICKLES, SIGNATURE_FILE, Bundle, Manifest, Store, fetch_bundle
from predictor.errors import ArtifactExists, ArtifactUnexpected
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import FittedModel
from predictor.training.parity import Proof, prove, prove_forms

TIMEOUT_S: Final = 300.0
"""Time limit for reading the source, and again for writing the target."""

Progress = Callable[[str, int, int], None]
"""Takes a file's name, how many bytes are written with it, and how many there are in all."""

Sign = Callable[[bytes], bytes]
"""From the manifest's bytes to their signature (`predictor.publishing.signature`)."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a model is, and the digest to pin it by.

    `kept_signature`: it had another signature already, which was left as it is.
    """

    uri: str
    digest: str
    kept_signature: bool = False


def publish(
    source: Store, root: Store, dataset: Dataset, progress: Progress | None = None, sign: Sign | None = None
) -> tuple[Published, Proof]:
    """Publish the model in the folder `source` below `root`, after checking every file and comparing both forms again.

    A signature in `source` is published with it, unless `sign` makes a new one.

    Opens the pickles in `source`, which are checked against the manifest beside them only: publish what you trust. The
    forms of a model that came as other files than the three pickles are compared with one another. Raises what
    `fetch_bundle`, `prove` and `write` raise.
    """
    bundle = fetch_bundle(
        source, pin=None, choose=lambda manifest: sorted(manifest.file_names), deadline=time.monotonic() + TIMEOUT_S
    )
    # Its own bytes, not the parsed manifest written again: they are what the digest is of.
    listed = source.list_files(deadline=time.monotonic() + TIMEOUT_S)
    manifest = source.read(listed[MANIFEST_FILE], deadline=time.monotonic() + TIMEOUT_S)
    Manifest.from_bytes(manifest, bundle.digest)
    if set(PICKLES) <= bundle.files.keys() and bundle.manifest.input is None:
        proof = prove(bundle, _fitted_model(bundle), dataset.penguins)
    else:
        proof = prove_forms(bundle, dataset.penguins)
    if sign is None and SIGNATURE_FILE in listed:
        signature = source.read(listed[SIGNATURE_FILE], deadline=time.monotonic() + TIMEOUT_S)
        return write(bundle, manifest, root, progress, sign=lambda _: signature), proof
    return write(bundle, manifest, root, progress, sign), proof


def _fitted_model(bundle: Bundle) -> FittedModel:
    """The model in a bundle's three pickles. Opening them runs the code in them."""
    estimator, encoder, columns = (joblib.load(io.BytesIO(bundle[name])) for name in PICKLES)
    return FittedModel(estimator, encoder, tuple(columns))


def write(
    bundle: Bundle, manifest: bytes, root: Store, progress: Progress | None = None, sign: Sign | None = None
) -> Published:
    """Write `root/<version>/`, `manifest` (the bundle's own, as bytes) last, and read it back.

    Until the manifest is there nothing serves the folder, so an interruption leaves nothing that can be served, and
    doing it again completes it. The signature that `sign` makes comes after the manifest. What is there already is left
    as it is when it is the same, byte for byte. Raises `ArtifactExists` when it is not, `ArtifactUnexpected` when
    something else lies in the folder, `StoreUnavailable`.
    """
    signature = None if sign is None else sign(manifest)  # First, so that nothing is published that cannot be signed.
    deadline = time.monotonic() + TIMEOUT_S
    target = root.folder(bundle.manifest.version)
    foreign = target.list_files(deadline=deadline).keys() - bundle.manifest.file_names
    foreign -= {MANIFEST_FILE, SIGNATURE_FILE}
    if foreign:
        raise ArtifactUnexpected(target.uri, min(foreign))
    contents: Mapping[str, bytes] = {**bundle.files, MANIFEST_FILE: manifest}
    total = sum(map(len, contents.values()))
    done = 0
    for name, data in contents.items():
        if not target.create(name, data, deadline=deadline):
            _check_same(target, name, data, deadline)
        done += len(data)
        if progress is not None:
            progress(name, done, total)
    fetch_bundle(target, pin=bundle.digest, choose=lambda manifest: manifest.file_names, deadline=deadline)
    return Published(target.uri, bundle.digest, _kept_signature(target, signature, deadline))


def _kept_signature(target: Store, signature: bytes | None, deadline: float) -> bool:
    """Write the signature, unless there is one. Two signatures of one key differ, so this is no error."""
    if signature is None or target.create(SIGNATURE_FILE, signature, deadline=deadline):
        return False
    return target.read(target.list_files(deadline=deadline)[SIGNATURE_FILE], deadline=deadline) != signature


def _check_same(target: Store, name: str, data: bytes, deadline: float) -> None:
    file = target.list_files(deadline=deadline)[name]
    if file.size != len(data) or target.read(file, deadline=deadline) != data:
        raise ArtifactExists(target.uri, name)
