"""A bird gets the same assessment on every road: HTTP, events, files, the command line."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from predictor.bootstrap import build
from predictor.bulk import ScoredLines
from predictor.settings import Settings
from predictor.training.dataset import load_penguins
from predictor.training.fitted_model import FittedModel
from predictor.training.penguin_pipeline import fit
from predictor.training.reference import reference_of
from tests.support.asgi import Client, problem_of
from tests.support.bundles import EXAMPLE, PublishedBundle, publish_by_hand
from tests.support.cli import model as model_options
from tests.support.cli import run
from tests.support.events import push_document, raw_push
from tests.support.processes import PROJECT
from tests.support.served import Served, serve

FIELDS = ("in_distribution", "p_value", "prediction_set", "coverage", "abstain", "warnings")
BIRDS: list[dict[str, Any]] = [
    EXAMPLE,
    {**EXAMPLE, "body_mass_g": 12_000.0},
    {**EXAMPLE, "bill_length_mm": 46.5, "sex": "female", "island": "Biscoe"},
    {**EXAMPLE, "bill_length_mm": 43.0},
    {**EXAMPLE, "bill_length_mm": 20.8, "bill_depth_mm": 50.0, "flipper_length_mm": 201.0, "body_mass_g": 4050.0},
]
IN_CENTIMETRES = {**EXAMPLE, "bill_length_mm": 3.91}
HINT = "Fits if it was measured in centimetres."


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    dataset = load_penguins()
    model: FittedModel = fit(dataset.penguins, dataset.labels)
    reference = reference_of(model, dataset).to_bytes()
    root = tmp_path_factory.mktemp("trusted")
    return publish_by_hand(root, linear=True, overrides={"reference.json": reference})


@pytest.fixture(scope="module")
def served(trusted: PublishedBundle) -> Served:
    return serve(trusted)


@pytest.fixture(scope="module")
def client(served: Served) -> Client:
    return served.client


@pytest.fixture(scope="module")
def single(client: Client) -> list[dict[str, Any]]:
    """The assessments of single birds over HTTP, which the others are compared with."""
    answers = [client.post("/predict?details=true", json=bird).json() for bird in BIRDS]
    return [{name: answer[name] for name in FIELDS} for answer in answers]


def assessments(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in FIELDS} for row in rows]


def test_the_birds_have_something_to_compare(single: list[dict[str, Any]]) -> None:
    found = {warning["code"] for row in single for warning in row["warnings"]}
    assert found == {"unlike_training_data", "unit_slip", "unseen_combination", "low_confidence"}
    assert {row["abstain"] for row in single} == {True, False}


def test_a_batch(client: Client, single: list[dict[str, Any]]) -> None:
    assert assessments(client.post("/predict", json={"instances": BIRDS}).json()["predictions"]) == single


def test_a_batch_with_a_bad_row(client: Client, single: list[dict[str, Any]]) -> None:
    first, *rows = client.post("/predict", json={"instances": [IN_CENTIMETRES, *BIRDS]}).json()["predictions"]
    assert assessments(rows) == single
    assert first["error"]["errors"][0]["hint"] == HINT


def test_an_explained_batch(client: Client, single: list[dict[str, Any]]) -> None:
    rows = client.post("/predict?explain=true", json={"instances": [*BIRDS, {}]}).json()["predictions"]
    assert assessments(rows[:-1]) == single
    assert "error" in rows[-1]
    for row in rows[:-1]:
        explanation = row["explanation"]
        assert explanation["target"] == row["prediction"]
        gained = sum(explanation["contributions"].values())
        assert gained == pytest.approx(row["probability"] - explanation["baseline"], abs=1e-6)
        assert len(explanation["neighbours"]) == 3


def test_events(served: Served, single: list[dict[str, Any]]) -> None:
    data = json.dumps({"instances": [*BIRDS, IN_CENTIMETRES]}).encode()
    headers, body = raw_push(push_document(data))
    assert Client(served.app.events()).post("/", headers=headers, content=body).status_code == 204
    *rows, last = json.loads(served.publisher.published[-1][0].body)["predictions"]
    assert assessments(rows) == single
    assert last["error"]["errors"][0]["hint"] == HINT


def test_an_event_with_one_bad_bird(served: Served) -> None:
    headers, body = raw_push(push_document(json.dumps(IN_CENTIMETRES).encode()))
    assert Client(served.app.events()).post("/", headers=headers, content=body).status_code == 204
    reject = json.loads(served.publisher.published[-1][0].body)
    assert (reject["reason"], reject["errors"][0]["hint"]) == ("invalid_input", HINT)


def test_lines_of_a_file(served: Served, single: list[dict[str, Any]]) -> None:
    text = "\n".join(json.dumps(bird) for bird in BIRDS).encode()
    lines = b"".join(ScoredLines(served.app.models.get_blocking(), io.BytesIO(text), "ndjson")).splitlines()
    assert assessments([json.loads(line) for line in lines]) == single


def test_the_command_line(trusted: PublishedBundle, single: list[dict[str, Any]]) -> None:
    for bird, expected in zip(BIRDS, single, strict=True):
        answer = json.loads(run("predict", *model_options(trusted), stdin=json.dumps(bird)).stdout)
        assert assessments([answer]) == [expected]


def test_the_command_line_with_coverage_explanation_and_hint(client: Client, trusted: PublishedBundle) -> None:
    bird = json.dumps(BIRDS[3])
    answer = json.loads(run("predict", *model_options(trusted), "--coverage", "0.99", "--explain", stdin=bird).stdout)
    assert answer == client.post("/predict?coverage=0.99&explain=true", json=BIRDS[3]).json()
    for arguments in (("--coverage", "0.9"), ("-", "--coverage", "0.9")):
        assert json.loads(run("predict", *model_options(trusted), *arguments, stdin=bird).stdout)["coverage"] == 0.9
    beyond = run("predict", *model_options(trusted), "--coverage", "0.999", stdin=bird)
    assert (beyond.exit_code, "must be a number from 0.5 to 0.995" in beyond.stderr) == (2, True)
    assert run("predict", *model_options(trusted), "-", "--explain", stdin=bird).exit_code == 2
    slip = run("predict", *model_options(trusted), stdin=json.dumps(IN_CENTIMETRES))
    assert (slip.exit_code, slip.stderr.count(HINT.removesuffix("."))) == (1, 1)


def test_a_table(trusted: PublishedBundle, single: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "birds.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(EXAMPLE))
        writer.writeheader()
        writer.writerows([*BIRDS, IN_CENTIMETRES])
    result = run("predict", str(file), *model_options(trusted))
    *rows, last = csv.DictReader(io.StringIO(result.stdout))
    assert last["error"].endswith(HINT)
    for row, expected in zip(rows, single, strict=True):
        assert row["in_distribution"] == str(expected["in_distribution"]).lower()
        assert float(row["p_value"]) == expected["p_value"]
        assert row["prediction_set"].split("|") == expected["prediction_set"]
        assert row["abstain"] == str(expected["abstain"]).lower()
        warnings = [f"{warning['code']}: {warning['message']}" for warning in expected["warnings"]]
        assert row["warnings"] == "; ".join(warnings)


class TestParameters:
    def test_coverage(self, client: Client) -> None:
        answer = client.post("/predict?coverage=0.99", json=EXAMPLE).json()
        assert (answer["coverage"], answer["prediction_set"]) == (0.99, ["Adelie"])
        batch = client.post("/predict?coverage=0.99", json={"instances": [EXAMPLE]}).json()["predictions"]
        assert batch == [answer]

    @pytest.mark.parametrize("query", ["coverage=0.999", "coverage=0.3", "coverage=1", "coverage=", "coverage=nan"])
    def test_a_coverage_that_there_is_not(self, client: Client, query: str) -> None:
        problem = problem_of(client.post(f"/predict?{query}", json=EXAMPLE), 422)
        assert "coverage" in problem["errors"][0]["message"]

    @pytest.mark.parametrize("query", ["explain=yes", "explain=true&explain=true", "why=true"])
    def test_other_bad_parameters(self, client: Client, query: str) -> None:
        problem_of(client.post(f"/predict?{query}", json=EXAMPLE), 422)

    def test_too_many_explanations(self, client: Client) -> None:
        problem = problem_of(client.post("/predict?explain=true", json={"instances": [EXAMPLE] * 21}), 422)
        assert problem["errors"][0]["code"] == "too_many"

    def test_a_hint_beside_a_violation(self, client: Client) -> None:
        (error,) = problem_of(client.post("/predict", json=IN_CENTIMETRES), 422)["errors"]
        assert error["hint"] == HINT
        assert "3.91" not in json.dumps(error)

    def test_the_model_says_what_its_reference_is(self, client: Client) -> None:
        info = client.get("/model").json()["reference"]
        assert (info["rows"], info["threshold"], info["max_coverage"]) == (333, 0.03, 0.995)
        assert info["counts"] == {"Adelie": 146, "Chinstrap": 68, "Gentoo": 119}


def test_a_model_without_a_reference_answers_as_before(bundle: PublishedBundle) -> None:
    client = Client(build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest)))
    answer = client.post("/predict?details=true", json=EXAMPLE).json()
    assert list(answer) == ["prediction", "probability", "probabilities", "model"]
    assert client.get("/model").json()["reference"] is None
    for query in ("coverage=0.9", "explain=true"):
        problem_of(client.post(f"/predict?{query}", json=EXAMPLE), 422)


_STAGES = """
import json, sys
from predictor.bootstrap import build
from predictor.decoding import decode_penguin
from predictor.service import explain, predict, predict_class
from predictor.settings import Settings

model = build(Settings(model_uri={uri!r})).models.get_blocking()
bird = decode_penguin({body!r})
for step in (predict_class, predict, lambda model, bird: explain(model, bird, "Adelie")):
    step(model, bird)
    print(any(name.startswith("predictor.trust") for name in sys.modules), "numpy" in sys.modules)
"""


def test_a_plain_answer_imports_nothing_of_it_and_a_detailed_one_no_numpy(trusted: PublishedBundle) -> None:
    program = _STAGES.format(uri=str(trusted.folder), body=json.dumps(EXAMPLE).encode())
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    )
    plain, detailed, explained = done.stdout.splitlines()
    assert (plain, detailed, explained) == ("False False", "True False", "True True")
