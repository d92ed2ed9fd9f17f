"""From a store to a model that may serve: verified, loaded, and proved on the golden rows."""

import os
from dataclasses import dataclass

from predictor.artifacts.bundle import Bundle, fetch_bundle
from predictor.artifacts.manifest import GOLDEN_FILE, ONNX_FILE, PICKLES, Manifest
from predictor.artifacts.store import Store
from predictor.errors import ArtifactMissing
from predictor.models.engine import Engine, EngineChoice, EngineName
from predictor.models.golden import Golden
from predictor.models.linear_engine import LinearEngine, linear_form
from predictor.prediction import ModelIdentity
from predictor.telemetry.phases import Phases


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in service. Immutable; replaced only by a new process."""

    identity: ModelIdentity
    manifest: Manifest
    engine: Engine
    phases_ms: dict[str, float]


def load_model(
    store: Store,
    *,
    pin: str | None,
    choice: EngineChoice,
    deadline: float,
    phases: Phases | None = None,
    batches: bool = True,
) -> LoadedModel:
    """Fetch, verify, load and test a model; docs/architecture.md gives the order and its reasons.

    Without `batches` a linear model is tested bird by bird only, and imports numpy when the first batch comes.
    Raises `StoreUnavailable` (transient) or an `ArtifactError` (the stored model is bad, or does not fit here).
    """
    phases = phases or Phases()
    bundle = fetch_bundle(
        store,
        pin=pin,
        choose=lambda manifest: files_for(engine_name(choice, manifest), manifest),
        deadline=deadline,
        phases=phases,
    )
    manifest = bundle.manifest
    with phases.measure("load"):
        engine = build_engine(engine_name(choice, manifest), bundle)
        Golden.from_bytes(bundle[GOLDEN_FILE]).check(engine, manifest.classes, batches=batches)
    return LoadedModel(ModelIdentity(manifest.version, bundle.digest), manifest, engine, phases.as_dict())


def engine_name(choice: EngineChoice, manifest: Manifest) -> EngineName:
    """The engine to use: as chosen, or ONNX where the bundle has it."""
    if choice == "auto":
        return "onnx" if ONNX_FILE in manifest.file_names else "sklearn"
    return choice


def files_for(engine: EngineName, manifest: Manifest) -> tuple[str, ...]:
    """The files that an engine reads; raises `ArtifactMissing` when the manifest lacks one."""
    names = (ONNX_FILE, GOLDEN_FILE) if engine == "onnx" else (*PICKLES, GOLDEN_FILE)
    for name in names:
        if name not in manifest.file_names:
            raise ArtifactMissing(f"The manifest of {manifest.version}", name)
    return names


def build_engine(engine: EngineName, bundle: Bundle) -> Engine:
    """The engine, from verified bytes. Imports the engine's libraries, and only those."""
    # numpy's OpenBLAS starts a thread per core that spins: 140 ms of CPU at the start, for sums too small to need it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if engine == "onnx":
        manifest = bundle.manifest
        form = linear_form(bundle[ONNX_FILE], len(manifest.columns), len(manifest.classes))
        if form is not None:
            return LinearEngine(form, manifest.columns)
        from predictor.models.onnx_engine import OnnxEngine

        return OnnxEngine(bundle[ONNX_FILE], manifest)
    from predictor.models.sklearn_engine import SklearnEngine

    return SklearnEngine(bundle.files, bundle.manifest)
