"""From a fitted model to a bundle: pickles, compiled and ONNX form, golden rows, model card, and the manifest."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from predictor.artifacts import (
    COLUMNS_FILE,
    COMPILED_FILE,
    GOLDEN_FILE,
    LABEL_ENCODER_FILE,
    MODEL_CARD_FILE,
    MODEL_FILE,
    ONNX_FILE,
    Bundle,
    FileEntry,
    Manifest,
)
from predictor.digest import digest_of
from predictor.errors import NotCompilable, NotConvertible, ParityMismatch, UnloadableModel
from predictor.models.compiled import compiled_engine, form_to_bytes
from predictor.models.onnx_engine import OnnxEngine
from predictor.training.compile import Compiled, compile_model
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import FittedModel
from predictor.training.golden_rows import choose_golden
from predictor.training.libraries import versions
from predictor.training.onnx_form import forms
from predictor.training.parity import Proof, Reference, prove
from predictor.training.pickles import dump

NAME: Final = "penguin-predictor"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What a bundle is made from: a model, its three pickles, its metrics and its model card."""

    model: FittedModel
    pickles: Mapping[str, bytes]
    metrics: Mapping[str, float]
    card: str
    training_data_sha256: str | None


@dataclass(frozen=True, slots=True)
class Export:
    """A bundle whose forms agree, and why a form is not in it."""

    bundle: Bundle
    proof: Proof
    not_converted: NotConvertible | ParityMismatch | None = None
    not_compiled: NotCompilable | ParityMismatch | None = None


def pickles_of(model: FittedModel) -> dict[str, bytes]:
    """The three files of the replaced service."""
    return {
        MODEL_FILE: dump(model.estimator),
        LABEL_ENCODER_FILE: dump(model.label_encoder),
        COLUMNS_FILE: dump(list(model.columns)),
    }


def export(source: ModelSource, dataset: Dataset, created: datetime, *, only_pickles: bool = False) -> Export:
    """Make a bundle and check it (`predictor.training.parity`).

    A form that an estimator does not have, or that gives other answers, is left out. Raises `ParityMismatch` when the
    ONNX form gives other answers and there is no compiled form, `PublishRefused` for anything else that is wrong with
    the model.
    """
    contents: dict[str, bytes] = {
        **source.pickles,
        GOLDEN_FILE: choose_golden(source.model, dataset).to_bytes(),
        MODEL_CARD_FILE: source.card.encode(),
    }
    pickles = assemble(source, contents, created)
    if only_pickles:
        return Export(pickles, prove(pickles, dataset.penguins))
    not_compiled: NotCompilable | ParityMismatch | None
    compiled, not_compiled = _compiled(source.model)
    reference = Reference(pickles, dataset.penguins, compiled.thresholds if compiled else None)
    differences = []
    if compiled is not None:
        try:
            differences.append(reference.check(compiled_engine(compiled.form, source.model.columns)))
            contents[COMPILED_FILE] = form_to_bytes(compiled.form)
        except ParityMismatch as error:
            not_compiled = error
    not_converted: NotConvertible | ParityMismatch | None = None
    try:
        contents[ONNX_FILE], difference = _converted(source.model, reference, pickles.manifest)
        differences.append(difference)
    except NotConvertible as error:
        not_converted = error
    except ParityMismatch as error:
        if COMPILED_FILE not in contents:
            raise
        not_converted = error
    proof = Proof(len(reference), max(differences, default=None))
    return Export(assemble(source, contents, created), proof, not_converted, not_compiled)


def _compiled(model: FittedModel) -> tuple[Compiled | None, NotCompilable | None]:
    try:
        return compile_model(model), None
    except NotCompilable as error:
        return None, error


def _converted(model: FittedModel, reference: Reference, manifest: Manifest) -> tuple[bytes, float]:
    """The first ONNX form that gives the estimator's answers, and the largest difference."""
    differing: list[ParityMismatch] = []
    unloadable: UnloadableModel | None = None
    for form in forms(model):
        try:
            return form, reference.check(OnnxEngine(form, manifest))
        except ParityMismatch as error:
            differing.append(error)
        except UnloadableModel as error:
            unloadable = error
    if differing:
        raise min(differing, key=lambda error: error.difference)
    reason = unloadable.reason if unloadable else "there is no form of it"
    raise NotConvertible(type(model.estimator).__name__, reason) from unloadable


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
        libraries=versions(source.model.estimator, compiled=ONNX_FILE in contents),
        classes=source.model.classes,
        columns=source.model.columns,
        metrics=dict(source.metrics),
        training_data_sha256=source.training_data_sha256,
    )
    return Bundle(manifest, digest_of(manifest.to_bytes()), MappingProxyType(dict(contents)))
