"""Other projects' servers, each in an environment of its own, with a model that is fitted in that environment."""

import json
from collections.abc import Sequence

from benchmarks.contenders.base import APPS, Contender, Environment, run
from benchmarks.paths import DATA
from benchmarks.raw_http import HOST
from benchmarks.sample_penguins import MEASUREMENTS, Row
from tests.support.processes import free_port


class Peer(Contender):
    @property
    def environment(self) -> Environment:
        return Environment(self.name, APPS / "requirements" / f"{self.name}.txt")

    def make_model(self) -> None:
        run([self.environment.python, APPS / "fit.py", DATA, self.folder])

    def variables(self) -> dict[str, str]:
        return {"MODEL_FOLDER": str(self.folder)}


class ReplacedService(Peer):
    """The service that this function replaces, rebuilt from its README."""

    name = "replaced-service"
    title = "the replaced service's design (FastAPI, get_dummies, forest)"
    app = "replaced_service:app"
    # The command of its container, without `--reload`, which is for development.
    command_line = f"uvicorn {{contender.app}} --host {HOST} --port {{port}} --no-access-log --log-level warning"


class Vetiver(ReplacedService):
    """A FastAPI application that vetiver makes of a model and an example of its input; also served by uvicorn."""

    name = "vetiver"
    title = "vetiver"
    batches = True
    app = "vetiver_app:app"

    def body(self, rows: Sequence[Row]) -> bytes:
        return json.dumps(rows).encode()

    def species(self, answer: bytes) -> list[str]:
        return list(json.loads(answer)["predict"])


class LitServe(Peer):
    """A server process and a worker process, with a queue between them."""

    name = "litserve"
    title = "LitServe"
    command_line = "python litserve_app.py {port}"


class MLServer(Peer):
    """MLServer's scikit-learn runtime: two files configure it, and requests follow the V2 inference protocol."""

    name = "mlserver"
    title = "MLServer"
    batches = True
    path = "/v2/models/penguins/infer"
    command_line = "mlserver start ."

    def command(self, port: int) -> list[str]:
        model = {"implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./pipeline.joblib"}}
        ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
        # Without a pool of workers, which would only slow so small a model down.
        settings = {"host": HOST, **ports, "parallel_workers": 0, "debug": False, "logging_settings": None}
        (self.folder / "model-settings.json").write_text(json.dumps({"name": "penguins", **model}))
        (self.folder / "settings.json").write_text(json.dumps(settings))
        self.working_folder = self.folder
        return super().command(port)

    def body(self, rows: Sequence[Row]) -> bytes:
        def tensor(name: str) -> dict[str, object]:
            text = {"datatype": "BYTES", "parameters": {"content_type": "str"}}
            kind = {"datatype": "FP64"} if name in MEASUREMENTS else text
            return {"name": name, "shape": [len(rows), 1], "data": [row[name] for row in rows], **kind}

        return json.dumps({"parameters": {"content_type": "pd"}, "inputs": [*map(tensor, rows[0])]}).encode()

    def species(self, answer: bytes) -> list[str]:
        return list(json.loads(answer)["outputs"][0]["data"])


class BentoML(Peer):
    """A service class, run by BentoML's own process manager."""

    name = "bentoml"
    title = "BentoML"
    command_line = f"bentoml serve bentoml_app:Penguins --host {HOST} --port {{port}}"

    def variables(self) -> dict[str, str]:
        return {**super().variables(), "BENTOML_HOME": str(self.folder / "home"), "BENTOML_DO_NOT_TRACK": "True"}
