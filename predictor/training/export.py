"""From a fitted model to a bundle: pickles, ONNX form, golden rows, model card, and the manifest over all of them."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from predictor.artifacts import (
    COLUMNS_FILE,
    GOLDEN_FILE,
    LABEL_ENCODER_FILE,
    MODEL_CARD_FILE,
    MODEL_FILE,
    ONNX_FILE,
    REFERENCE_FILE,
    Bundle,
    FileEntry,
    Manifest,
)
from predictor.digest import digest_of
from predictor.errors import NotConvertible, ParityMismatch, UnloadableModel
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import FittedModel, PublishableModel
from predictor.training.golden_rows import choose_golden
from predictor.training.parity import Proof, prove
from predictor.training.pickles import dump
from predictor.trust.reference import Reference

NAME: Final = "penguin-predictor"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What a bundle is made from: a model, its pickles if it has any, its metrics, its model card and its reference."""

    model: PublishableModel
    pickles: Mapping[str, bytes]
    metrics: Mapping[str, float]
    card: str
    reference: Reference
    training_data_sha256: str | None


@dataclass(frozen=True, slots=True)
class Export:
    """A bundle whose forms agree, and why it has no ONNX form if it has none."""

    bundle: Bundle
    proof: Proof
    not_converted: NotConvertible | None = None


def pickles_of(model: FittedModel) -> dict[str, bytes]:
    """The three files of the replaced service."""
    return {
        MODEL_FILE: dump(model.estimator),
        LABEL_ENCODER_FILE: dump(model.label_encoder),
        COLUMNS_FILE: dump(list(model.columns)),
    }


def export(source: ModelSource, dataset: Dataset, created: datetime, *, with_onnx: bool = True) -> Export:
    """Make a bundle and check it (`predictor.training.parity`).

    Without an ONNX form where the estimator has none, or with `with_onnx=False`. Raises `ParityMismatch`
    when the ONNX form gives other answers, `PublishRefused` for anything else that is wrong with the model.
    """
    contents = {
        **source.pickles,
        GOLDEN_FILE: choose_golden(source.model, dataset).to_bytes(),
        MODEL_CARD_FILE: source.card.encode(),
        REFERENCE_FILE: source.reference.to_bytes(),
    }
    not_converted: NotConvertible | None = None
    if with_onnx:
        try:
            return _export_compiled(source, contents, dataset, created)
        except NotConvertible as error:
            not_converted = error
    bundle = assemble(source, contents, created)
    return Export(bundle, prove(bundle, source.model, dataset.penguins), not_converted)


def _export_compiled(source: ModelSource, contents: Mapping[str, bytes], dataset: Dataset, created: datetime) -> Export:
    """The first ONNX form that gives the estimator's answers."""
    differing: list[ParityMismatch] = []
    unloadable: UnloadableModel | None = None
    for form in source.model.onnx_forms():
        bundle = assemble(source, {**contents, ONNX_FILE: form}, created)
        try:
            return Export(bundle, prove(bundle, source.model, dataset.penguins))
        except ParityMismatch as error:
            differing.append(error)
        except UnloadableModel as error:
            if error.file != ONNX_FILE:
                raise
            unloadable = error
    if differing:
        raise min(differing, key=lambda error: error.difference)
    reason = unloadable.reason if unloadable else "there is no form of it"
    raise NotConvertible(source.model.name, reason) from unloadable


def assemble(source: ModelSource, contents: Mapping[str, bytes], created: datetime) -> Bundle:
    """The bundle with its manifest. Its version sorts by `created` and tells contents apart that share a second."""
    created = created.astimezone(UTC).replace(microsecond=0)
    entries = tuple(FileEntry.describing(name, contents[name]) for name in sorted(contents))
    listing = "".join(f"{entry.sha256}  {entry.name}\n" for entry in entries)
    manifest = Manifest(
        name=NAME,
        version=f"{created:%Y%m%d-%H%M%S}-{hashlib.sha256(listing.encode()).hexdigest()[:8]}",
        created=f"{created:%Y-%m-%dT%H:%M:%SZ}",
        files=entries,
        python=platform.python_version(),
        libraries=dict(source.model.libraries(compiled=ONNX_FILE in contents)),
        classes=source.model.classes,
        columns=source.model.columns,
        input=source.model.input,
        metrics=dict(source.metrics),
        training_data_sha256=source.training_data_sha256,
    )
    return Bundle(manifest, digest_of(manifest.to_bytes()), MappingProxyType(dict(contents)))
