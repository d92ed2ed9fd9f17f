"""From a fitted model to a bundle: pickles, compiled and ONNX form, golden rows, model card, and the manifest."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from predictor.artifacts import (
    BIGQUERY_FILE,
    COLUMNS_FILE,
    COMPILED_FILE,
    GOLDEN_FILE,
    LABEL_ENCODER_FILE,
    MODEL_CARD_FILE,
    MODEL_FILE,
    ONNX_FILE,
    REFERENCE_FILE,
    Bundle,
    FileEntry,
    Manifest,
    features_of,
)
from predictor.digest import digest_of
from predictor.errors import NotCompilable, NotConvertible, NotForBigQuery, ParityMismatch, UnloadableModel
from predictor.models.compiled import Form, compiled_engine, form_to_bytes
from predictor.models.onnx_engine import OnnxEngine
from predictor.training.bigquery_form import BigQueryGraph, bigquery_form
from predictor.training.dataset import Dataset
from predictor.training.fitted_model import FittedModel, PublishableModel
from predictor.training.golden_rows import choose_golden
from predictor.training.parity import ExpectedAnswers, Proof, prove
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
    """A bundle whose forms agree, and why a form is not in it."""

    bundle: Bundle
    proof: Proof
    not_compiled: NotCompilable | ParityMismatch | None = None
    not_converted: NotConvertible | ParityMismatch | None = None
    not_for_bigquery: NotForBigQuery | ParityMismatch | UnloadableModel | None = None
    """Why there is no `bigquery.onnx` though there is a `model.onnx`."""


def pickles_of(model: FittedModel) -> dict[str, bytes]:
    """The three files of the replaced service."""
    return {
        MODEL_FILE: dump(model.estimator),
        LABEL_ENCODER_FILE: dump(model.label_encoder),
        COLUMNS_FILE: dump(list(model.columns)),
    }


def export(source: ModelSource, dataset: Dataset, created: datetime, *, only_pickles: bool = False) -> Export:
    """Make a bundle and check it (`predictor.training.parity`).

    A form that the estimator does not have is left out, and so is one that gives other answers. Raises
    `ParityMismatch` when the ONNX form gives other answers and there is no compiled form, `PublishRefused` for anything
    else that is wrong with the model.
    """
    golden = choose_golden(source.model, dataset)
    contents = {
        **source.pickles,
        GOLDEN_FILE: golden.to_bytes(),
        MODEL_CARD_FILE: source.card.encode(),
        REFERENCE_FILE: source.reference.to_bytes(),
    }
    not_compiled: NotCompilable | ParityMismatch | None = None
    not_converted: NotConvertible | ParityMismatch | None = None
    not_for_bigquery: NotForBigQuery | ParityMismatch | UnloadableModel | None = None
    if not only_pickles:
        form: Form | None = None
        try:
            form = source.model.compiled_form()
        except NotCompilable as error:
            not_compiled = error
        expected = ExpectedAnswers(source.model, golden, dataset.penguins, form)
        if form is not None:
            try:
                expected.check(compiled_engine(form), COMPILED_FILE)
                contents[COMPILED_FILE] = form_to_bytes(form)
            except ParityMismatch as error:
                not_compiled = error
        manifest = assemble(source, contents, created).manifest
        try:
            contents[ONNX_FILE] = _converted(source.model, expected, manifest)
        except NotConvertible as error:
            not_converted = error
        except ParityMismatch as error:
            if COMPILED_FILE not in contents:
                raise
            not_converted = error
        else:
            try:
                graph = bigquery_form(contents[ONNX_FILE], manifest.columns, manifest.classes, manifest.features)
                expected.check(BigQueryGraph(graph), BIGQUERY_FILE, thresholds=COMPILED_FILE in contents)
                contents[BIGQUERY_FILE] = graph
            except (NotForBigQuery, ParityMismatch, UnloadableModel) as error:
                not_for_bigquery = error
    bundle = assemble(source, contents, created)
    proof = prove(bundle, source.model, dataset.penguins)
    return Export(bundle, proof, not_compiled, not_converted, not_for_bigquery)


def _converted(model: PublishableModel, expected: ExpectedAnswers, manifest: Manifest) -> bytes:
    """The first ONNX form that gives the model's answers."""
    differing: list[ParityMismatch] = []
    unloadable: UnloadableModel | None = None
    thresholds = COMPILED_FILE in manifest.file_names  # Otherwise it is not known whether they are right.
    for form in model.onnx_forms():
        try:
            expected.check(OnnxEngine(form, manifest), ONNX_FILE, thresholds=thresholds)
        except ParityMismatch as error:
            differing.append(error)
        except UnloadableModel as error:
            unloadable = error
        else:
            return form
    if differing:
        raise min(differing, key=lambda error: error.difference)
    reason = unloadable.reason if unloadable else "there is no form of it"
    raise NotConvertible(model.name, reason) from unloadable


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
        features=features_of(source.model.input),
        metrics=dict(source.metrics),
        training_data_sha256=source.training_data_sha256,
    )
    return Bundle(manifest, digest_of(manifest.to_bytes()), MappingProxyType(dict(contents)))
