"""The birds of the data set by every road: the same species, and the same probabilities within 1e-5.

To add a road, write a function that scores all birds, and enter it in ROADS.
"""

import csv
import io
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pytest

from predictor.bootstrap import App, build
from predictor.bulk import ScoredLines, score_stream
from predictor.models import LoadedModel
from predictor.penguin import SPECIES
from predictor.schema import FEATURES, MEASUREMENTS
from predictor.settings import Settings
from predictor.training.dataset import load_penguins
from tests.support.asgi import Client
from tests.support.bundles import publish_by_hand
from tests.support.events import FakePublisher, push_document, raw_push

BIRDS: list[dict[str, Any]] = [penguin.model_dump() for penguin in load_penguins().penguins]
NDJSON = b"\n".join(map(orjson.dumps, BIRDS)) + b"\n"
TOLERANCE = 1e-5

Answers = tuple[list[str], list[list[float]]]
"""The species of each bird, and its probabilities in the order of SPECIES."""


@dataclass
class Service:
    app: App
    client: Client
    model: LoadedModel
    publisher: FakePublisher

    def post(self, path: str, body: Any) -> Any:
        response = self.client.post(path, json=body)
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    bundle = publish_by_hand(tmp_path_factory.mktemp("roads"), linear=True)
    publisher = FakePublisher()
    app = build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest), publisher=publisher)
    return Service(app, Client(app), app.models.get_blocking(), publisher)


def read(rows: list[Mapping[str, Any]]) -> Answers:
    """Detailed answers, as most roads have them."""
    return [row["prediction"] for row in rows], [[row["probabilities"][name] for name in SPECIES] for row in rows]


def read_lines(content: bytes) -> Answers:
    return read([json.loads(line) for line in content.splitlines()])


def as_csv() -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, FEATURES, lineterminator="\n")
    writer.writeheader()
    writer.writerows(BIRDS)
    return text.getvalue().encode()


def singles(service: Service) -> Answers:
    return read([service.post("/predict?details=true", bird) for bird in BIRDS])


def batch(service: Service) -> Answers:
    return read(service.post("/predict", {"instances": BIRDS})["predictions"])


def streams(content: bytes, media_type: str) -> Callable[[Service], Answers]:
    def score(service: Service) -> Answers:
        return read_lines(
            service.client.post("/predict", content=content, headers={"Content-Type": media_type}).content
        )

    return score


def event(service: Service) -> Answers:
    headers, body = raw_push(push_document(json.dumps({"instances": BIRDS}).encode()))
    assert Client(service.app.events()).post("/", content=body, headers=headers).status_code == 204
    return read(service.publisher.documents[-1]["predictions"])


def file_in_a_bucket(service: Service) -> Answers:
    return read_lines(b"".join(ScoredLines(service.model, io.BytesIO(as_csv()), "csv")))


def file_on_the_command_line(service: Service) -> Answers:
    output = io.BytesIO()
    score_stream(service.model, io.BytesIO(as_csv()), output.write)
    rows = list(csv.DictReader(io.StringIO(output.getvalue().decode())))
    return [row["prediction"] for row in rows], [
        [float(row[f"probability_{name}"]) for name in SPECIES] for row in rows
    ]


def v1(service: Service) -> Answers:
    return read(service.post("/v1/models/penguin:predict", {"instances": BIRDS})["predictions"])


def v1_arrays(service: Service) -> Answers:
    rows = [list(bird.values()) for bird in BIRDS]
    return read(service.post("/v1/models/penguin:predict", {"instances": rows})["predictions"])


def columns() -> dict[str, list[Any]]:
    return {name: [bird[name] for bird in BIRDS] for name in FEATURES}


def v2_json(service: Service) -> Answers:
    inputs = [
        {"name": name, "shape": [len(BIRDS)], "datatype": "FP64" if name in MEASUREMENTS else "BYTES", "data": data}
        for name, data in columns().items()
    ]
    answer = service.post("/v2/models/penguin/infer", {"inputs": inputs})
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    return outputs["prediction"], np.reshape(outputs["probabilities"], (-1, len(SPECIES))).tolist()


def v2_binary(number_type: str, dtype: str) -> Callable[[Service], Answers]:
    def score(service: Service) -> Answers:
        inputs, parts = [], []
        for name, values in columns().items():
            if name in MEASUREMENTS:
                parts.append(np.array(values, dtype).tobytes())
            else:
                parts.append(b"".join(struct.pack("<I", len(text)) + text.encode() for text in values))
            datatype = number_type if name in MEASUREMENTS else "BYTES"
            size = {"binary_data_size": len(parts[-1])}
            inputs.append({"name": name, "shape": [len(BIRDS), 1], "datatype": datatype, "parameters": size})
        wanted = [
            {"name": "prediction", "parameters": {"binary_data": False}},
            {"name": "probabilities", "parameters": {"binary_data": True}},
        ]
        header = orjson.dumps({"inputs": inputs, "outputs": wanted})
        headers = {"Inference-Header-Content-Length": str(len(header))}
        response = service.client.post("/v2/models/penguin/infer", content=b"".join((header, *parts)), headers=headers)
        length = int(response.headers["Inference-Header-Content-Length"])
        outputs = json.loads(response.content[:length])["outputs"]
        probabilities = np.frombuffer(response.content[length:], "<f8").reshape(-1, len(SPECIES))
        return outputs[0]["data"], probabilities.tolist()

    return score


def mlflow_frame(service: Service) -> Answers:
    frame = {"columns": list(FEATURES), "data": [list(bird.values()) for bird in BIRDS]}
    return read(service.post("/invocations", {"dataframe_split": frame})["predictions"])


def mlflow_csv(service: Service) -> Answers:
    response = service.client.post("/invocations", content=as_csv(), headers={"Content-Type": "text/csv"})
    return read(response.json()["predictions"])


def bigquery(service: Service) -> Answers:
    return read(service.post("/bigquery", {"calls": [list(bird.values()) for bird in BIRDS]})["replies"])


ROADS: dict[str, Callable[[Service], Answers]] = {
    "HTTP, one by one": singles,
    "HTTP, batch": batch,
    "HTTP, stream of CSV": streams(as_csv(), "text/csv"),
    "HTTP, stream of NDJSON": streams(NDJSON, "application/x-ndjson"),
    "event": event,
    "file in a bucket": file_in_a_bucket,
    "file on the command line": file_on_the_command_line,
    "KServe V1, objects": v1,
    "KServe V1, arrays": v1_arrays,
    "Open Inference Protocol V2, JSON": v2_json,
    "Open Inference Protocol V2, binary FP64": v2_binary("FP64", "<f8"),
    "Open Inference Protocol V2, binary FP32": v2_binary("FP32", "<f4"),
    "MLflow, data frame": mlflow_frame,
    "MLflow, CSV": mlflow_csv,
    "BigQuery remote function": bigquery,
}


def test_every_road_gives_the_same_answers(service: Service) -> None:
    assert len(BIRDS) == 333
    expected = [service.model.engine.probabilities(penguin) for penguin in load_penguins().penguins]
    species = [SPECIES[int(np.argmax(row))] for row in expected]
    assert set(species) == set(SPECIES)
    for name, road in ROADS.items():
        predictions, probabilities = road(service)
        assert predictions == species, name
        difference = np.abs(np.array(probabilities) - expected).max()
        print(f"{name:40} {len(predictions)} birds, {difference:.1e}")
        assert difference < TOLERANCE, name
