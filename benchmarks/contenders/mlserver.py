"""MLServer: its scikit-learn runtime, configured by two files, spoken to in the V2 inference protocol."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from benchmarks.contenders.contender import Peer
from benchmarks.flock import CATEGORIES, MEASUREMENTS, Row
from benchmarks.wire import free_port


class MLServer(Peer):
    name: ClassVar[str] = "mlserver"
    title: ClassVar[str] = "MLServer"
    batches: ClassVar[bool] = True
    path: ClassVar[str] = "/v2/models/penguins/infer"

    def prepare(self) -> None:
        super().prepare()
        model = {
            "name": "penguins",
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": "./pipeline.joblib"},
        }
        (self.folder / "model-settings.json").write_text(json.dumps(model))

    def command(self, port: int) -> list[str]:
        settings = {
            "host": "127.0.0.1",
            "http_port": port,
            "grpc_port": free_port(),
            "metrics_port": free_port(),
            # In the server's own process: for a model this small its pool of workers only adds a hop.
            "parallel_workers": 0,
            "debug": False,
            "logging_settings": None,
        }
        (self.folder / "settings.json").write_text(json.dumps(settings))
        return [self.program("mlserver"), "start", str(self.folder)]

    def working_folder(self) -> Path:
        return self.folder

    def body(self, rows: Sequence[Row]) -> bytes:
        inputs = [
            *(_column(rows, name, "FP64", None) for name in MEASUREMENTS),
            *(_column(rows, name, "BYTES", "str") for name in CATEGORIES),
        ]
        return json.dumps({"parameters": {"content_type": "pd"}, "inputs": inputs}).encode()

    def species(self, answer: bytes) -> list[str]:
        species: list[str] = json.loads(answer)["outputs"][0]["data"]
        return species


def _column(rows: Sequence[Row], name: str, datatype: str, content_type: str | None) -> dict[str, object]:
    parameters = {"parameters": {"content_type": content_type}} if content_type else {}
    return {
        "name": name,
        "shape": [len(rows), 1],
        "datatype": datatype,
        "data": [row[name] for row in rows],
        **parameters,
    }
