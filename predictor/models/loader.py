"""From a store to a model that may serve: verified, loaded, and tested on the golden rows."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from predictor.artifacts import (
    COMPILED_FILE,
    GOLDEN_FILE,
    MODEL_FILE,
    ONNX_FILE,
    PICKLES,
    REFERENCE_FILE,
    Bundle,
    Manifest,
    Store,
    fetch_bundle,
)
from predictor.errors import ArtifactError, ArtifactMissing, UnloadableModel
from predictor.models.engine import Engine
from predictor.models.golden import Golden
from predictor.prediction import EngineChoice, EngineName, ModelIdentity
from predictor.record_schema import ALL_FEATURES, RecordSchema
from predictor.telemetry import Phases
from predictor.text import describe_error

if TYPE_CHECKING:
    from predictor.trust.assessment import Assessor
    from predictor.trust.traffic import Traffic

ENGINES: Final[tuple[EngineName, ...]] = ("compiled", "onnx", "sklearn")
"""Fastest first."""


@dataclass(frozen=True)
class LoadedModel:
    """A model in service. Immutable; replaced only by a new process."""

    identity: ModelIdentity
    manifest: Manifest
    engine: Engine
    phases_ms: dict[str, float]
    reference: bytes | None = None
    """The verified bytes of `reference.json`; None for a model that was published without."""
    schema: RecordSchema = ALL_FEATURES
    """What a record must hold."""
    traffic: "Traffic | None" = None
    """Counts what the model is asked; None where nobody reads the counts, and without a reference."""

    def assessor(self) -> "Assessor | None":
        """What assesses the model's answers; None without a reference.

        Made when it is first needed: a plain answer does not need it. Raises `UnloadableModel`.
        """
        return self._assessor

    @cached_property
    def _assessor(self) -> "Assessor | None":
        if self.reference is None:
            return None
        from predictor.trust.assessment import Assessor
        from predictor.trust.reference import Reference

        return Assessor(Reference.from_bytes(self.reference, self.schema.features), self.manifest.classes)


def load_model(
    store: Store,
    *,
    pin: str | None,
    choice: EngineChoice,
    deadline: float,
    phases: Phases | None = None,
    batches: bool = True,
) -> LoadedModel:
    """Fetch, verify, load and test a model; docs/reference/models.md has the order.

    Without `batches` a compiled model is tested bird by bird only, and imports numpy when the first batch comes.
    Raises `StoreUnavailable` (retryable) or an `ArtifactError` (the stored model is bad, or cannot run here).
    """
    phases = phases or Phases()
    bundle = fetch_bundle(
        store,
        pin=pin,
        choose=lambda manifest: [*files_for(engine_name(choice, manifest), manifest), *_reference(manifest)],
        deadline=deadline,
        phases=phases,
    )
    manifest = bundle.manifest
    with phases.measure("load"):
        engine = tested_engine(engine_name(choice, manifest), bundle, batches=batches)
    reference = bundle.files.get(REFERENCE_FILE)
    identity = ModelIdentity(manifest.version, bundle.digest)
    schema = RecordSchema(manifest.features)
    return LoadedModel(identity, manifest, engine, phases.as_dict(), reference, schema)


def engine_name(choice: EngineChoice, manifest: Manifest) -> EngineName:
    """The engine to use: as chosen, or the fastest that the bundle has a form for."""
    if choice != "auto":
        return choice
    return next(iter(engines_of(manifest)), "sklearn")


def engines_of(manifest: Manifest) -> list[EngineName]:
    """The engines that the bundle has a form for, fastest first."""
    return [name for name in ENGINES if manifest.file_names.issuperset(form_files(name, manifest))]


def form_files(engine: EngineName, manifest: Manifest) -> tuple[str, ...]:
    """The files of a model's form; the first one is the model itself.

    The scikit-learn engine reads the estimator alone, or in a manifest without `input` the three files.
    """
    if engine == "compiled":
        return (COMPILED_FILE,)
    if engine == "onnx":
        return (ONNX_FILE,)
    return PICKLES if manifest.input is None else (manifest.estimator_file or MODEL_FILE,)


def files_for(engine: EngineName, manifest: Manifest) -> tuple[str, ...]:
    """The files that an engine reads; raises `ArtifactMissing` when the manifest lacks one."""
    names = (*form_files(engine, manifest), GOLDEN_FILE)
    for name in names:
        if name not in manifest.file_names:
            raise ArtifactMissing(f"The manifest of {manifest.version}", name)
    return names


def _reference(manifest: Manifest) -> tuple[str, ...]:
    return (REFERENCE_FILE,) if REFERENCE_FILE in manifest.file_names else ()


def tested_engine(name: EngineName, bundle: Bundle, *, batches: bool) -> Engine:
    """The engine, after it has given the golden answers. Raises only `ArtifactError`, whatever is wrong."""
    try:
        engine = build_engine(name, bundle)
        Golden.from_bytes(bundle[GOLDEN_FILE]).check(engine, bundle.manifest.classes, batches=batches)
    except (ArtifactError, MemoryError):
        raise
    except Exception as error:  # Estimators and graphs are other people's code, which can raise anything when it runs.
        raise UnloadableModel(form_files(name, bundle.manifest)[0], describe_error(error)) from error
    return engine


def build_engine(engine: EngineName, bundle: Bundle) -> Engine:
    """The engine, from verified bytes. Imports the engine's libraries, and only those."""
    # numpy's OpenBLAS starts a thread per core that spins: 140 ms of CPU at the start, for sums too small to need it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # ONNX Runtime would keep an id of this machine in HOME, and has telemetry to send with it.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    manifest = bundle.manifest
    if engine == "compiled":
        from predictor.models.compiled import compiled_engine, form_from_bytes

        return compiled_engine(form_from_bytes(bundle[COMPILED_FILE], len(manifest.classes)))
    if engine == "onnx":
        from predictor.models.onnx_engine import OnnxEngine

        return OnnxEngine(bundle[ONNX_FILE], manifest)
    from predictor.models.sklearn_engine import SklearnEngine

    return SklearnEngine(bundle.files, manifest)
