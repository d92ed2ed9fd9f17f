"""This project's function, with each way to load and evaluate its model."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence

from benchmarks.contenders.base import APPS, Function, Unavailable, run
from benchmarks.paths import DATA, MODELS, ROOT
from benchmarks.sample_penguins import Row
from tests.support.gcs import GcsServer


class Ours(Function):
    """Loads the newest published model from a local folder when the first request comes."""

    name = "ours"
    title = "this function"
    batches = True
    working_folder = ROOT
    loading = "lazy"
    engine = "auto"
    _model: Mapping[str, str] = {}

    def make_model(self) -> None:
        manifests = sorted(self.models.glob("*/manifest.json"))
        if not manifests:
            raise Unavailable(f"there is no model in {self.models}; `make model` publishes one to {MODELS}")
        digest = hashlib.sha256(manifests[-1].read_bytes()).hexdigest()
        self._model = {"MODEL_URI": str(manifests[-1].parent), "MODEL_DIGEST": f"sha256:{digest}"}

    def variables(self) -> dict[str, str]:
        limits = {"MAX_INSTANCES_PER_REQUEST": "10000", "MAX_BODY_BYTES": str(16 * 1024 * 1024)}
        choices = {"MODEL_LOADING": self.loading, "MODEL_ENGINE": self.engine, "LOG_LEVEL": "WARNING"}
        return {**self._model, **choices, **limits}

    def body(self, rows: Sequence[Row]) -> bytes:
        return json.dumps(rows[0] if len(rows) == 1 else {"instances": rows}).encode()

    def species(self, answer: bytes) -> list[str]:
        document = json.loads(answer)
        return [row["prediction"] for row in document.get("predictions", [document])]


class OursEager(Ours):
    name = "ours-eager"
    title = "this function, model loaded at import"
    batches = False  # As fast as `ours` once the model is loaded.
    loading = "eager"


class OursSklearn(Ours):
    name = "ours-sklearn"
    title = "this function, scikit-learn engine"
    engine = "sklearn"


class OursForest(Ours):
    """Serves trees: the forest of the replaced service, published from its three pickles."""

    name = "ours-forest"
    title = "this function, the replaced service's forest of 100 trees"
    kind = "forest"

    def make_model(self) -> None:
        run([sys.executable, APPS / "fit.py", DATA, self.folder, self.kind])
        pickles = [self.folder / name for name in ("model.pkl", "label_encoder.pkl", "columns.pkl")]
        self.models = self.folder / "models"
        run([sys.executable, "-m", "predictor", "publish", "--from-pickles", *pickles, "--to", self.models])
        super().make_model()


class OursXgboost(OursForest):
    name = "ours-xgboost"
    title = "this function, an XGBoost model of 300 trees"
    kind = "xgboost"


class OursForestOnnx(OursForest):
    name = "ours-forest-onnx"
    title = "this function, the same forest in ONNX Runtime"
    engine = "onnx"


class OursXgboostOnnx(OursXgboost):
    name = "ours-xgboost-onnx"
    title = "this function, the same XGBoost model in ONNX Runtime"
    engine = "onnx"


class OursGcs(Ours):
    """Loads the model from a bucket: the real client, and a storage server on this machine."""

    name = "ours-gcs"
    title = "this function, model in a bucket"
    batches = False  # As fast as `ours` once the model is loaded.
    _storage: GcsServer | None = None

    def make_model(self) -> None:
        self._storage = GcsServer()
        self._storage.create_bucket("models")
        command = ["-m", "predictor", "publish", "--from", str(self.models), "--to", "gs://models/penguins"]
        printed = run([sys.executable, *command], {**os.environ, "STORAGE_EMULATOR_HOST": self._storage.url})
        self._model = dict(line.split("=", 1) for line in printed.splitlines() if line.startswith("MODEL_"))
        self._model |= {"STORAGE_EMULATOR_HOST": self._storage.url}

    def close(self) -> None:
        if self._storage:
            self._storage.stop()


class OursDeployed(OursGcs):
    """Runs as deploy.sh configures it. `benchmarks.capacity` reads its results."""

    name = "ours-deployed"
    title = "this function as deployed: model in a bucket, loaded at import"
    loading = "eager"
