import pickle
import subprocess
import sys
import time
from pathlib import Path
from types import MappingProxyType

import pytest

from predictor.artifacts import Bundle
from predictor.artifacts.local_store import LocalStore
from predictor.bootstrap import build
from predictor.errors import ArtifactMissing, DigestMismatch, UnloadableModel
from predictor.models import LoadedModel, build_engine, load_model, loader
from predictor.models.loader import engine_name, files_for
from predictor.models.verification import verify
from predictor.prediction import EngineChoice, EngineName
from predictor.settings import Settings
from tests.support.asgi import Client
from tests.support.bundles import EXAMPLE, PublishedBundle, publish_by_hand
from tests.unit.models.conftest import read_bundle

FIRST_VERSION = Path(__file__).parents[2] / "fixtures/first_version"


def load(bundle: PublishedBundle, choice: EngineChoice = "auto", pin: str | None = None) -> LoadedModel:
    return load_model(LocalStore(bundle.folder), pin=pin, choice=choice, deadline=time.monotonic() + 30)


def test_auto_is_the_fastest_form_that_the_model_has(
    bundle: PublishedBundle, linear_bundle: PublishedBundle, tmp_path: Path
) -> None:
    assert load(linear_bundle).engine.name == "compiled"
    assert load(bundle).engine.name == "onnx"
    assert load(publish_by_hand(tmp_path, onnx=False)).engine.name == "sklearn"


def test_a_choice_is_kept(bundle: PublishedBundle) -> None:
    manifest = read_bundle(bundle).manifest
    assert [engine_name(choice, manifest) for choice in ("onnx", "sklearn", "auto")] == ["onnx", "sklearn", "onnx"]


def test_only_the_files_of_the_engine_are_fetched(bundle: PublishedBundle, linear_bundle: PublishedBundle) -> None:
    manifest = read_bundle(bundle).manifest
    assert files_for("onnx", manifest) == ("model.onnx", "golden.json")
    assert files_for("compiled", read_bundle(linear_bundle).manifest) == ("compiled.json", "golden.json")
    assert files_for("sklearn", manifest) == ("model.pkl", "label_encoder.pkl", "columns.pkl", "golden.json")


@pytest.mark.parametrize(
    ("engine", "file"), [("onnx", "model.onnx"), ("sklearn", "columns.pkl"), ("onnx", "golden.json")]
)
def test_a_file_that_the_engine_needs_and_the_manifest_lacks_is_named(
    engine: EngineName, file: str, tmp_path: Path
) -> None:
    incomplete = publish_by_hand(tmp_path, without=(file,))
    with pytest.raises(ArtifactMissing) as caught:
        load(incomplete, engine)
    assert caught.value.file == file


def test_a_loaded_model_says_which_one_it_is(bundle: PublishedBundle) -> None:
    loaded = load(bundle, pin=bundle.digest)
    assert (loaded.identity.version, loaded.identity.digest) == (bundle.folder.name, bundle.digest)
    assert {"load"} < loaded.phases_ms.keys()


def test_a_model_that_the_first_version_of_this_project_published_still_serves() -> None:
    """`tests/fixtures/first_version` was written by `python -m predictor train` of commit 3a7ff5d."""
    digest = "sha256:b5fed4e85845f1b85021cabaec861ff7af73f8c2a3255620b825fcaf91a6f34e"
    store = LocalStore(FIRST_VERSION)
    loaded = load_model(store, pin=digest, choice="auto", deadline=time.monotonic() + 30)
    assert (loaded.manifest.schema_version, loaded.engine.runtime) == (1, "onnxruntime")
    app = Client(build(Settings(model_uri=str(FIRST_VERSION), model_digest=digest)))
    assert app.post("/predict", json=EXAMPLE).json() == {"prediction": "Adelie"}
    assert app.get("/model").json()["version"] == "20261123-092640-b5afe020"
    batch = app.post("/predict", json={"instances": [EXAMPLE, EXAMPLE]}).json()
    assert [row["prediction"] for row in batch["predictions"]] == ["Adelie", "Adelie"]
    assert verify(store, digest)[1] == []


def test_another_model_than_the_pinned_one_is_not_loaded(bundle: PublishedBundle, tmp_path: Path) -> None:
    with pytest.raises(DigestMismatch, match=r"manifest\.json"):
        load(publish_by_hand(tmp_path, seed=2), pin=bundle.digest)


class _Fails:
    """A classifier like any other, until it is asked."""

    classes_ = (0, 1, 2)

    def predict_proba(self, _frame: object) -> object:
        raise ZeroDivisionError("out of penguins")


def test_whatever_an_estimator_raises_is_an_unloadable_model(bundle: PublishedBundle) -> None:
    broken = read_bundle(bundle, {"model.pkl": pickle.dumps(_Fails())})
    with pytest.raises(UnloadableModel, match=r"model\.pkl cannot be loaded: ZeroDivisionError: out of penguins"):
        loader.tested_engine("sklearn", broken, batches=True)


def test_bytes_that_are_no_model_are_unloadable(bundle: PublishedBundle) -> None:
    good = read_bundle(bundle)
    for engine, file in (("onnx", "model.onnx"), ("sklearn", "model.pkl")):
        files = MappingProxyType({**good.files, file: b"no model"})
        with pytest.raises(UnloadableModel, match=file.replace(".", r"\.")):
            build_engine(engine, Bundle(good.manifest, good.digest, files))  # type: ignore[arg-type]  # Literals in a tuple are strings.


def test_loading_a_linear_model_imports_neither_numpy_nor_onnx_runtime(linear_bundle: PublishedBundle) -> None:
    program = (
        "import sys, time; from predictor.artifacts.local_store import LocalStore;"
        "from predictor.models import load_model;"
        f"store = LocalStore({str(linear_bundle.folder)!r});"
        "load_model(store, pin=None, choice='auto', deadline=time.monotonic() + 30, batches=False);"
        "print(*sys.modules)"
    )
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "predictor.models.compiled" in modules.stdout.split()
    assert not {"numpy", "onnxruntime", "pandas", "sklearn"} & set(modules.stdout.split())
