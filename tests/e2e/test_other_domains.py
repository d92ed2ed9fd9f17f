"""The service serves other data when `predictor/penguin.py` is replaced: two domains, each in a copy of the project."""

import base64
import csv
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import joblib
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelEncoder

from tests.conftest import StartFunction
from tests.support.browser import chromium, new_tab
from tests.support.json_schema import check_openapi
from tests.support.once import made_once
from tests.support.processes import PROJECT

PAGE = (PROJECT / "docs/how-to/your-own-data.md").read_text()
WALK_THROUGH, GO_BACK = PAGE.split("\n## Go back")
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", WALK_THROUGH, re.DOTALL)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith((".venv/", "cp "))
]
CURL_BODY = re.search(r"-d '(\{.*?\})'", PAGE, re.DOTALL)
PENGUIN_WORDS = re.compile(r"penguin(?!-predictor)|bill_|flipper|Adelie|Gentoo|Torgersen", re.IGNORECASE)


@dataclass(frozen=True)
class Domain:
    """A copy of the project for another domain, with a published model; what the model itself says of each row."""

    project: Path
    label: str
    rows: list[dict[str, Any]]
    probabilities: "np.ndarray[Any, np.dtype[np.float64]]"
    classes: list[str]

    def run(self, *arguments: str, stdin: bytes = b"") -> str:
        command = [sys.executable, "-m", "predictor", *arguments]
        done = subprocess.run(command, cwd=self.project, input=stdin, capture_output=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


def _copy_of_the_project(folder: Path, domain: Path) -> Path:
    project = folder / "project"
    shutil.copytree(PROJECT / "predictor", project / "predictor", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PROJECT / "examples/wine", project / "examples/wine")
    shutil.copy(PROJECT / "main.py", project)
    shutil.copy(domain, project / "predictor/penguin.py")
    return project


def _wine(folder: Path) -> Domain:
    """By the commands of docs/how-to/your-own-data.md, word for word."""
    project = _copy_of_the_project(folder, PROJECT / "predictor/penguin.py")
    for command in COMMANDS:
        words = shlex.split(command.replace(".venv/bin/python", shlex.quote(sys.executable)))
        subprocess.run(words, cwd=project, check=True, capture_output=True, timeout=120)
    frame = pd.read_csv(project / "wine/wine.csv")
    features = frame.drop(columns="cultivar")
    model, encoder = (joblib.load(project / "wine" / f"{name}.pkl") for name in ("model", "label_encoder"))
    rows: list[dict[str, Any]] = json.loads(features.to_json(orient="records", double_precision=15))
    return Domain(project, "cultivar", rows, model.predict_proba(features), list(encoder.classes_))


def _flowers(folder: Path) -> Domain:
    project = _copy_of_the_project(folder, PROJECT / "tests/support/flower_domain.py")
    rng = np.random.default_rng(1)
    soils = np.array(["sand", "loam", "Löss", "volcanic ash with pumice"], dtype=object)[rng.integers(4, size=120)]
    frame = pd.DataFrame(
        {
            "height_cm": rng.uniform(1, 500, 120).round(1),
            "petals": rng.integers(0, 40, 120).astype(float),
            "frost_c": rng.uniform(-60, 10, 120).round(1),
            "soil": soils,
        }
    )
    frame.loc[:10, "frost_c"] = 0.0
    label = np.where(frame["height_cm"] + frame["petals"] + 30 * (soils == "Löss") > 250, "perennial", "annual")
    features = pd.get_dummies(frame, columns=["soil"])
    encoder = LabelEncoder()
    model = LogisticRegression(max_iter=5000).fit(features, encoder.fit_transform(label))
    for name, value in (("model", model), ("label_encoder", encoder), ("columns", list(features.columns))):
        joblib.dump(value, project / f"{name}.pkl")
    frame.assign(life_cycle=label).to_csv(project / "flowers.csv", index=False)
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=15))
    domain = Domain(project, "life_cycle", rows, model.predict_proba(features), list(encoder.classes_))
    pickles = ("model.pkl", "label_encoder.pkl", "columns.pkl")
    domain.run("publish", "--from-pickles", *pickles, "--reference", "flowers.csv", "--to", "artifacts")
    return domain


MAKERS: dict[str, Callable[[Path], Domain]] = {"wine": _wine, "flowers": _flowers}


@pytest.fixture(scope="module", params=MAKERS)
def domain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Domain:
    return made_once(tmp_path_factory, request.param, MAKERS[request.param])


def assert_answers(domain: Domain, answers: list[dict[str, Any]]) -> None:
    """The answers are the model's own, row by row."""
    assert len(answers) == len(domain.rows)
    got = np.array([[answer["probabilities"][name] for name in domain.classes] for answer in answers])
    assert np.abs(got - domain.probabilities).max() < 1e-5
    best = [domain.classes[place] for place in domain.probabilities.argmax(axis=1)]
    assert [answer["prediction"] for answer in answers] == best


def test_http(domain: Domain, start_function: StartFunction) -> None:
    function = start_function({}, source=domain.project / "main.py", folder=domain.project)
    with httpx.Client(base_url=function.url) as client:
        single = [client.post("/predict?details=true", json=row).json() for row in domain.rows[:20]]
        batch = client.post("/predict", json={"instances": domain.rows}).json()["predictions"]
        with_error = client.post("/predict", json={"instances": [{}, *domain.rows]}).json()["predictions"]
        refused = client.post("/predict", json={})
        model = client.get("/model").json()
        openapi = client.get("/openapi.json")
    assert_answers(domain, batch)
    assert [answer["probabilities"] for answer in single] == [answer["probabilities"] for answer in batch[:20]]
    assert with_error[1:] == batch
    assert len(with_error[0]["error"]["errors"]) == len(domain.rows[0])
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {f"/{name}" for name in domain.rows[0]}
    assert {feature["name"] for feature in model["features"]} == set(domain.rows[0])
    check_openapi(openapi.json())
    for text in (refused.text, openapi.text.replace("Penguin Predictor", "")):
        assert not PENGUIN_WORDS.search(text)


def test_files(domain: Domain) -> None:
    header, *_ = table = [list(domain.rows[0]), *(list(row.values()) for row in domain.rows)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    lines = list(csv.DictReader(io.StringIO(domain.run("predict", "-", stdin=text.getvalue().encode()))))
    assert list(lines[0])[: len(header)] == header
    from_csv = [
        {
            "prediction": line["prediction"],
            "probabilities": {name: float(line[f"probability_{name}"]) for name in domain.classes},
        }
        for line in lines
    ]
    assert_answers(domain, from_csv)
    ndjson = "\n".join(json.dumps(row) for row in domain.rows).encode()
    assert_answers(domain, [json.loads(line) for line in domain.run("predict", "-", stdin=ndjson).splitlines()])


def test_a_cell_that_is_not_a_number_is_an_error_and_never_zero(domain: Domain) -> None:
    number = next(name for name, value in domain.rows[0].items() if isinstance(value, float))
    cells = {**domain.rows[0], number: "unknown"}
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([list(cells), list(cells.values())])
    command = [sys.executable, "-m", "predictor", "predict", "-"]
    done = subprocess.run(
        command, cwd=domain.project, input=text.getvalue().encode(), capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 1
    assert f"{number}: Must be a number from" in done.stdout.decode()


def test_events(domain: Domain, start_function: StartFunction) -> None:
    function = start_function({}, target="score", source=domain.project / "main.py", folder=domain.project)
    data = base64.b64encode(json.dumps({"instances": domain.rows}).encode()).decode()
    answer = httpx.post(function.url, json={"message": {"data": data, "messageId": "1"}}, timeout=30)
    assert answer.status_code == 204, answer.text
    (line,) = function.log_lines("result_published")
    assert_answers(domain, json.loads(line["body"])["predictions"])


def test_the_command_line_and_the_schemas(domain: Domain) -> None:
    usage = domain.run("predict", "--help")
    for name in domain.rows[0]:
        assert f"--{name.replace('_', '-')}" in usage
    options = [text for name, value in domain.rows[0].items() for text in (f"--{name.replace('_', '-')}", str(value))]
    answer = json.loads(domain.run("predict", *options))
    assert answer["prediction"] == domain.classes[domain.probabilities[0].argmax()]
    subprocess.run([sys.executable, "-m", "predictor.events.schemas"], cwd=domain.project, check=True, timeout=60)
    schema = json.loads((domain.project / "predictor/events/result.schema.json").read_text())
    assert list(schema["$defs"]["Probabilities"]["properties"]) == domain.classes


@pytest.mark.slow
def test_each_domain_has_a_page_of_its_own(domain: Domain, start_function: StartFunction) -> None:
    function = start_function({}, source=domain.project / "main.py", folder=domain.project)
    with chromium() as browser:
        tab = new_tab(browser, function.url)
        tab.page.goto("/")
        for name, label in zip(domain.classes, tab.page.locator("#bars .name").all_inner_texts(), strict=True):
            assert label == name
            tab.page.get_by_role("button", name=name, exact=True).click()
            expect(tab.page.locator("#verdict")).to_have_text(name)
        expect(tab.page.locator("svg.plot")).to_have_count(2)
        expect(tab.page.locator("svg.plot path.this")).to_have_count(2)
        names = tab.page.locator("#form [name]").evaluate_all("list => list.map(one => one.name)")
        assert set(names) == set(domain.rows[0])
        text = tab.page.locator("body").inner_text() + tab.page.title()
        assert not PENGUIN_WORDS.search(text.replace("Penguin Predictor", "").replace("penguin-predictor", ""))
        assert tab.unexpected() == []
        tab.screenshot(domain.label)


@pytest.mark.slow
@pytest.mark.parametrize("domain", ["wine"], indirect=True)
def test_the_pages_request_gets_the_answer_that_it_shows(domain: Domain, start_function: StartFunction) -> None:
    function = start_function({}, source=domain.project / "main.py", folder=domain.project)
    assert CURL_BODY is not None
    headers = {"content-type": "application/json"}
    assert httpx.post(f"{function.url}/predict", content=CURL_BODY[1], headers=headers).text in PAGE


def test_the_page_puts_back_every_file_that_it_changes() -> None:
    assert "git checkout predictor/penguin.py predictor/events\n" in GO_BACK


@pytest.mark.parametrize("domain", ["flowers"], indirect=True)
def test_trees_are_compiled_that_split_a_category_of_four_values_in_two_halves(domain: Domain) -> None:
    program = """
import numpy as np, pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from predictor.artifacts import InputColumn
from predictor.models.compiled import compiled_engine
from predictor.schema import COMBINATIONS, FEATURES, RANGES
from predictor.training.compile import compile_estimator
from predictor.training.random_penguins import random_columns, to_penguins

columns = random_columns(np.random.default_rng(1), RANGES, 400, decimals=1)
penguins = to_penguins(columns)
rows = pd.DataFrame([penguin.model_dump() for penguin in penguins])[list(FEATURES)]
encoder = make_column_transformer((OrdinalEncoder(), ["soil"]), remainder="passthrough")
label = rows["soil"].isin(["sand", "loam"]) ^ (rows["height_cm"] > 250)
model = make_pipeline(encoder, RandomForestClassifier(9, max_leaf_nodes=20, random_state=1)).fit(rows, label)
engine = compiled_engine(compile_estimator(model, [InputColumn(name=name, feature=name) for name in FEATURES]))
expected = model.predict_proba(rows)
assert set(columns.combinations) == set(range(len(COMBINATIONS)))
assert abs(engine.batch_probabilities(columns) - expected).max() < 2e-7
assert abs(np.array([engine.probabilities(penguin) for penguin in penguins]) - expected).max() < 2e-7
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=domain.project, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
