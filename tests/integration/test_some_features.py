"""A model that takes three of the six features: what its records must hold, on every road."""

import json
import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from onnxruntime import InferenceSession
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelEncoder

from predictor.artifacts import open_store
from predictor.artifacts.manifest import one_hot_input
from predictor.bulk import ScoredLines
from predictor.decoding import validate
from predictor.drift.baseline import Baseline
from predictor.drift.decision import decide
from predictor.drift.summaries import Summary
from predictor.service import predict
from predictor.training.dataset import DATA_FILE, load_penguins
from predictor.training.export import ModelSource, export
from predictor.training.fitted_model import FittedModel, encode
from predictor.training.publish import write
from predictor.training.reference import reference_of
from predictor.trust.traffic import Traffic
from tests.support.asgi import Client
from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.cli import model as model_options
from tests.support.cli import run
from tests.support.events import push_document
from tests.support.served import Served, serve

TAKEN = ("bill_length_mm", "bill_depth_mm", "sex")
RECORD = {name: EXAMPLE[name] for name in TAKEN}
NOT_READ: dict[str, Any] = {"flipper_length_mm": None, "body_mass_g": 1, "island": "Atlantis"}
INCOMPLETE = {"bill_length_mm": 39.1, "sex": "male"}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    dataset, columns = load_penguins(), ("bill_length_mm", "bill_depth_mm", "sex_female", "sex_male")
    encoder = LabelEncoder()
    estimator = LogisticRegression(max_iter=1000).fit(
        encode(dataset.penguins, columns), encoder.fit_transform(dataset.labels)
    )
    model = replace(FittedModel(estimator, encoder, columns), input=one_hot_input(columns))  # type: ignore[arg-type]
    source = ModelSource(model, {}, {}, "# Three features\n", reference_of(model, dataset), training_data_sha256=None)
    bundle = export(source, dataset, datetime(2026, 1, 1, tzinfo=UTC)).bundle
    written = write(bundle, bundle.manifest.to_bytes(), open_store(str(tmp_path_factory.mktemp("models"))))
    return PublishedBundle(Path(written.uri), written.digest)


@pytest.fixture(scope="module")
def served(published: PublishedBundle) -> Served:
    return serve(published)


@pytest.fixture(scope="module")
def client(served: Served) -> Client:
    return served.client


@pytest.fixture(scope="module")
def answer(client: Client) -> dict[str, Any]:
    """What all other roads must answer, too."""
    answered = client.post("/predict?details=true", json=RECORD)
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = answered.json()
    assert found["prediction"] == "Adelie"
    return found


def test_the_manifest_the_model_page_and_openapi_name_the_features(published: PublishedBundle, client: Client) -> None:
    manifest = json.loads((published.folder / "manifest.json").read_bytes())
    assert manifest["features"] == list(TAKEN)
    assert [feature["name"] for feature in client.get("/model").json()["features"]] == list(TAKEN)
    schema = client.get("/openapi.json").json()["components"]["schemas"]["Penguin"]
    assert schema["required"] == list(TAKEN)
    assert schema["properties"]["island"] == {"description": "Ignored."}


def test_the_answer_is_the_same_with_the_other_features_whatever_they_are(
    client: Client, answer: dict[str, Any]
) -> None:
    for record in (EXAMPLE, {**RECORD, **NOT_READ}):
        assert client.post("/predict?details=true", json=record).json() == answer


def test_the_page_asks_for_these_alone(client: Client) -> None:
    page = client.get("/", headers={"accept": "text/html"}).text
    data = json.loads(re.findall(r'id="data">(.*?)</script>', page)[0])
    assert set(re.findall(r' name="(\w+)" value', page)) == set(TAKEN)
    assert [field["name"] for field in data["fields"]] == list(TAKEN)
    assert data["plots"] == [["bill_length_mm", "bill_depth_mm"]]
    assert set(data["examples"][-1]) == set(TAKEN)
    form = {"content-type": "application/x-www-form-urlencoded"}
    answered = client.post("/page", content=urlencode(RECORD), headers=form)
    assert (answered.status_code, ">Adelie</strong>" in answered.text) == (200, True)


def test_a_batch_says_which_row_lacks_what_the_model_takes(client: Client, answer: dict[str, Any]) -> None:
    assert client.post("/predict", json={"instances": [RECORD, RECORD]}).json()["predictions"] == [answer] * 2
    rows = [RECORD, {**RECORD, **NOT_READ}, INCOMPLETE]
    *good, bad = client.post("/predict", json={"instances": rows}).json()["predictions"]
    assert good == [answer] * 2
    assert [(found["pointer"], found["code"]) for found in bad["error"]["errors"]] == [("/bill_depth_mm", "missing")]
    assert client.post("/predict", json=INCOMPLETE).status_code == 422


def test_trust_is_about_what_the_model_takes(client: Client, answer: dict[str, Any]) -> None:
    assert (answer["in_distribution"], answer["prediction_set"], answer["warnings"]) == (True, ["Adelie"], [])
    odd = client.post("/predict?details=true", json={**RECORD, "bill_depth_mm": 40.0}).json()
    assert odd["in_distribution"] is False
    assert {warning["pointer"] for warning in odd["warnings"]} <= {"/bill_length_mm", "/bill_depth_mm", ""}
    swapped = {**RECORD, "bill_length_mm": 20.5, "bill_depth_mm": 39.1}
    warnings = client.post("/predict?details=true", json=swapped).json()["warnings"]
    assert "Fits if it was exchanged with bill_depth_mm." in [warning["message"] for warning in warnings]
    refused = client.post("/predict", json={**RECORD, "bill_length_mm": 3.91}).json()["errors"]
    assert refused[0]["hint"] == "Fits if it was measured in centimetres."


def test_an_explanation_is_about_what_the_model_takes(client: Client, answer: dict[str, Any]) -> None:
    explanation = client.post("/predict?explain=true", json=RECORD).json()["explanation"]
    assert list(explanation["contributions"]) == list(TAKEN)
    total = explanation["baseline"] + sum(explanation["contributions"].values())
    assert total == pytest.approx(answer["probability"], abs=1e-6)


def test_an_event(served: Served, answer: dict[str, Any]) -> None:
    events = Client(served.app.events())
    lines = "\n".join(map(json.dumps, (RECORD, INCOMPLETE, {**RECORD, **NOT_READ}))).encode()
    for document in (
        push_document(json.dumps(RECORD).encode()),
        push_document(lines, attributes={"content-type": "application/x-ndjson"}),
        push_document(json.dumps(INCOMPLETE).encode()),
    ):
        assert events.post("/", json=document).status_code == 204
    single, several, rejected = served.publisher.documents[-3:]
    for row in (single["predictions"][0], several["predictions"][0], several["predictions"][2]):
        assert {name: row[name] for name in ("prediction", "probabilities", "p_value")} == {
            name: answer[name] for name in ("prediction", "probabilities", "p_value")
        }
    assert several["rejected_rows"] == 1
    assert rejected["reason"] == "invalid_input"


def test_other_protocols(client: Client, answer: dict[str, Any]) -> None:
    everything = {**RECORD, **{name: EXAMPLE[name] for name in EXAMPLE if name not in TAKEN}}
    in_order = [list(RECORD.values()), list(EXAMPLE.values())]
    rows = [RECORD, everything, *in_order, list(INCOMPLETE.values())]
    *good, bad = client.post("/v1/models/penguin:predict", json={"instances": rows}).json()["predictions"]
    assert good == [answer] * 4
    assert "error" in bad
    frame = {"columns": list(TAKEN), "data": [in_order[0]]}
    assert client.post("/invocations", json={"dataframe_split": frame}).json()["predictions"] == [answer]
    assert client.post("/bigquery", json={"calls": in_order}).json()["replies"] == [answer] * 2
    table = f"{','.join(TAKEN)}\n{','.join(map(str, RECORD.values()))}\n"
    for path in ("/predict", "/invocations"):
        response = client.post(path, content=table, headers={"Content-Type": "text/csv"})
        assert answer["prediction"] in response.text


@pytest.mark.parametrize("record", [RECORD, EXAMPLE], ids=["what is taken", "everything"])
def test_tensors(client: Client, answer: dict[str, Any], record: dict[str, Any]) -> None:
    named = [
        {"name": name, "shape": [1], "datatype": "BYTES" if isinstance(value, str) else "FP64", "data": [value]}
        for name, value in record.items()
    ]
    texts = {
        "name": "features",
        "shape": [1, len(record)],
        "datatype": "BYTES",
        "data": list(map(str, record.values())),
    }
    for inputs in (named, [texts]):
        outputs = client.post("/v2/models/penguin/infer", json={"inputs": inputs}).json()["outputs"]
        found = {output["name"]: output["data"] for output in outputs}
        assert found["probabilities"] == list(answer["probabilities"].values())
        assert (found["prediction"], found["p_value"]) == ([answer["prediction"]], [answer["p_value"]])
    wrong = client.post("/v2/models/penguin/infer", json={"inputs": [{**texts, "data": ["?"] * len(record)}]})
    assert wrong.status_code == 422
    described = client.get("/v2/models/penguin").json()
    assert [tensor["name"] for tensor in described["inputs"]] == list(TAKEN)
    assert [tensor["name"] for tensor in described["outputs"]][3:] == ["in_distribution", "p_value", "abstain"]


def test_files(served: Served, published: PublishedBundle, tmp_path: Path, answer: dict[str, Any]) -> None:
    file = tmp_path / "birds.csv"
    file.write_text("bill_length_mm,bill_depth_mm,sex\n39.1,18.7,male\n39.1,,male\n")
    with file.open("rb") as stream:
        rows = list(
            map(json.loads, b"".join(ScoredLines(served.app.models.get_blocking(), stream, "csv")).splitlines())
        )
    assert rows[0]["probabilities"] == answer["probabilities"]
    assert "error" in rows[1]
    done = run("predict", str(DATA_FILE), *model_options(published))
    assert "ignored: species, island, flipper_length_mm, body_mass_g, year" in done.stderr
    assert "11 of 344 rows are invalid" in done.stderr  # Two without measurements, and the others without a sex.


def test_one_penguin_on_the_command_line(published: PublishedBundle, answer: dict[str, Any]) -> None:
    options = ["--bill-length-mm", "39.1", "--bill-depth-mm", "18.7", "--sex", "male"]
    done = run("predict", *model_options(published), *options)
    assert json.loads(done.stdout) == answer
    assert run("predict", *model_options(published), *options, "--island", "Dream").stdout == done.stdout
    lacking = run("predict", *model_options(published), *options[:4])
    assert (lacking.exit_code, "also give --sex" in lacking.stderr) == (2, True)


def test_bigquery_is_asked_for_these_alone(published: PublishedBundle) -> None:
    session = InferenceSession((published.folder / "bigquery.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    assert [item.name for item in session.get_inputs()] == list(TAKEN)


def test_drift_is_looked_for_in_what_the_model_takes(served: Served) -> None:
    lines: list[dict[str, Any]] = []
    model = served.app.models.get_blocking()
    assessor = model.assessor()
    assert assessor is not None
    model = replace(model, traffic=Traffic(model, lines.append))
    for row in load_penguins().rows:
        predict(model, validate(row.penguin.model_dump(), model.schema))
    assert model.traffic is not None
    model.traffic.flush()
    (line,) = lines
    assert (list(line["measurements"]), list(line["categories"])) == (["bill_length_mm", "bill_depth_mm"], ["sex"])
    decision = decide(Summary.of(line).counts, Baseline.of(assessor.reference), log_threshold=math.log(1e4))
    assert list(decision.measurements) == ["bill_length_mm", "bill_depth_mm"]
    assert not decision.measurements_alarm  # These are the birds that the reference is made of.
    assert not decision.mix_alarm
