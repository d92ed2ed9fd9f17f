"""The real function in a real process, over real sockets."""

import json
import socket
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.preprocessing import LabelEncoder

from predictor.artifacts import open_store
from predictor.penguin import Penguin
from predictor.training.dataset import load_penguins
from predictor.training.export import ModelSource, export
from predictor.training.fitted_model import ENCODED, FittedModel, encode
from predictor.training.publish import write
from predictor.training.reference import make_reference
from tests.conftest import StartFunction
from tests.support.bundles import CLASSES, EXAMPLE, PublishedBundle, publish_by_hand
from tests.support.processes import PROJECT, FunctionProcess, answers

AS_JSON = {"Content-Type": "application/json"}
BODY = json.dumps(EXAMPLE).encode()


@pytest.fixture
def function(start_function: StartFunction, bundle: PublishedBundle) -> FunctionProcess:
    return start_function(bundle.env)


def test_it_answers_as_the_replaced_service_did_and_refuses_what_is_wrong(function: FunctionProcess) -> None:
    with httpx.Client(base_url=function.url, timeout=30) as client:
        assert client.get("/").json() == {"message": "Penguin Predictor Active!"}
        assert client.get("/health").json() == {"status": "ok"}
        assert client.post("/predict", content=BODY, headers=AS_JSON).content == b'{"prediction":"Adelie"}'
        assert client.post("/", content=BODY, headers=AS_JSON).content == b'{"prediction":"Adelie"}'
        wrong = client.get("/predict")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST, OPTIONS")
        for path in ("/nope", "/robots.txt", "/favicon.ico"):  # The framework answers the last two as plain text.
            missing = client.get(path)
            assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
        assert client.post("/predict", content=BODY, headers={"Content-Type": "text/plain"}).status_code == 415
        assert client.post("/predict", content=b"{", headers=AS_JSON).status_code == 400
        assert client.post("/predict", content=b"[" * 100_000, headers=AS_JSON).status_code == 400
        assert client.post("/predict", content=b" " * 2 * 1024 * 1024, headers=AS_JSON).status_code == 413
        answer = client.post("/predict", content=BODY.replace(b"39.1", b"NaN"), headers=AS_JSON)
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {"pointer": "/bill_length_mm", "code": "not_finite", "message": "Must be a number from 20 to 160 mm."}
        ]
        assert client.get("/health").status_code == 200


def test_the_first_answer_shows_where_the_start_went(function: FunctionProcess) -> None:
    timing = httpx.post(f"{function.url}/predict", content=BODY, headers=AS_JSON, timeout=30).headers["server-timing"]
    phases = {name: float(ms) for name, ms in (part.split(";dur=") for part in timing.split(", "))}
    assert list(phases) == ["import", "fetch", "verify", "load", "predict"]
    assert all(ms >= 0 for ms in phases.values())
    (line,) = function.log_lines("model_loaded")
    assert line["phases_ms"]["load"] == pytest.approx(phases["load"], abs=0.01)


def test_a_slow_sender_does_not_hold_up_the_others(function: FunctionProcess) -> None:
    httpx.get(f"{function.url}/ready", timeout=30)
    with socket.create_connection(("127.0.0.1", function.port)) as slow:
        slow.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        for _ in range(20):
            answer = httpx.post(f"{function.url}/predict", content=BODY, headers=AS_JSON, timeout=10)
            assert answer.status_code == 200


def test_the_onnx_path_never_imports_what_training_needs(
    start_function: StartFunction, bundle: PublishedBundle
) -> None:
    # The same main.py, with one more function beside `predict` that lists what the process has imported.
    spying = start_function(bundle.env, target="spy", source=PROJECT / "tests/support/spying_main.py")
    assert httpx.post(f"{spying.url}/predict", content=BODY, headers=AS_JSON, timeout=30).status_code == 200
    modules = httpx.get(f"{spying.url}/modules", timeout=30).json()
    assert "onnxruntime" in modules
    assert not {"pandas", "sklearn", "scipy", "joblib", "onnx", "skl2onnx"} & set(modules)
    assert not {"google.cloud.storage", "google.cloud.pubsub", "grpc"} & set(modules)


def test_a_linear_model_imports_numpy_for_its_first_batch_and_onnx_runtime_never(
    start_function: StartFunction, tmp_path: Path
) -> None:
    linear = publish_by_hand(tmp_path, linear=True)
    spying = start_function(linear.env, target="spy", source=PROJECT / "tests/support/spying_main.py")

    def imported() -> set[str]:
        modules = httpx.get(f"{spying.url}/modules", timeout=30).json()
        return {"numpy", "onnxruntime"} & set(modules)

    for url in (f"{spying.url}/predict", f"{spying.url}/predict?details=true"):
        assert httpx.post(url, content=BODY, headers=AS_JSON, timeout=30).json()["prediction"] == "Adelie"
    assert imported() == set()
    batch = b'{"instances": [%b, %b]}' % (BODY, BODY)
    rows = httpx.post(f"{spying.url}/predict", content=batch, headers=AS_JSON, timeout=30).json()["predictions"]
    assert [row["prediction"] for row in rows] == ["Adelie", "Adelie"]
    assert imported() == {"numpy"}


def test_trees_are_served_without_onnx_runtime_and_one_penguin_without_numpy(
    start_function: StartFunction, tmp_path: Path
) -> None:
    data = load_penguins()
    encoder = LabelEncoder().fit(data.labels)
    forest = RandomForestClassifier(20, random_state=0).fit(encode(data.penguins), encoder.transform(data.labels))
    model = FittedModel(forest, encoder, ENCODED)
    source = ModelSource(model, {}, {}, "# Trees\n", make_reference(data, "not tried"), training_data_sha256=None)
    bundle = export(source, data, datetime.now(UTC)).bundle
    published = write(bundle, bundle.manifest.to_bytes(), open_store(str(tmp_path)))
    env = {"MODEL_URI": published.uri, "MODEL_DIGEST": published.digest}
    spying = start_function(env, target="spy", source=PROJECT / "tests/support/spying_main.py")
    answer = httpx.post(f"{spying.url}/predict?details=true", content=BODY, headers=AS_JSON, timeout=30).json()
    assert answer["probabilities"] == pytest.approx(
        dict(zip(CLASSES, model.probabilities([Penguin(**EXAMPLE)])[0], strict=True)), abs=1e-6
    )
    assert httpx.get(f"{spying.url}/model", timeout=30).json()["engine"] == "compiled"
    modules = set(httpx.get(f"{spying.url}/modules", timeout=30).json())
    assert not {"numpy", "onnxruntime", "sklearn", "xgboost", "lightgbm", "pandas", "scipy"} & modules


def test_an_eager_start_has_tested_batches_too(start_function: StartFunction, tmp_path: Path) -> None:
    linear = publish_by_hand(tmp_path, linear=True)
    env = {**linear.env, "MODEL_LOADING": "eager"}
    spying = start_function(env, target="spy", source=PROJECT / "tests/support/spying_main.py")
    assert "numpy" in httpx.get(f"{spying.url}/modules", timeout=30).json()


def test_starting_imports_no_more_modules_than_it_did(start_function: StartFunction, bundle: PublishedBundle) -> None:
    """A ceiling, so that a heavy import on the way to the first answer does not go unseen."""
    spying = start_function(bundle.env, target="spy", source=PROJECT / "tests/support/spying_main.py")
    before = httpx.get(f"{spying.url}/modules", timeout=30).json()
    httpx.post(f"{spying.url}/predict", content=BODY, headers=AS_JSON, timeout=30)
    after = httpx.get(f"{spying.url}/modules", timeout=30).json()
    assert not {"numpy", "onnxruntime"} & set(before)
    ours = {name for name in before if name.startswith("predictor")}
    assert len(ours) < 56
    assert len(before) < 1000
    assert len(after) < 1300


class TestEager:
    def test_the_model_is_there_when_the_port_opens(
        self, start_function: StartFunction, bundle: PublishedBundle
    ) -> None:
        function = start_function({**bundle.env, "MODEL_LOADING": "eager"})
        assert len(function.log_lines("model_loaded")) == 1
        answer = httpx.post(f"{function.url}/predict", content=BODY, headers=AS_JSON, timeout=30)
        assert answer.headers["model-version"] == bundle.folder.name

    @pytest.mark.parametrize("engine", ["onnx", "sklearn"])
    def test_a_corrupt_model_ends_the_process_with_one_clear_line(
        self, start_function: StartFunction, tmp_path: Path, engine: str
    ) -> None:
        bundle = publish_by_hand(tmp_path / "bundle")
        name = "model.onnx" if engine == "onnx" else "model.pkl"
        data = bytearray((bundle.folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (bundle.folder / name).write_bytes(data)
        function = start_function({**bundle.env, "MODEL_LOADING": "eager", "MODEL_ENGINE": engine}, wait=False)
        opened = False
        while function.process.poll() is None:
            opened = opened or answers(function.url)
        assert function.process.returncode != 0
        assert not opened
        (line,) = function.output().splitlines()
        assert json.loads(line)["event"] == "model_load_failed"
        assert json.loads(line)["file"] == name

    def test_a_bad_setting_ends_the_process_with_one_clear_line(
        self, start_function: StartFunction, bundle: PublishedBundle
    ) -> None:
        function = start_function({**bundle.env, "MAX_BODY_BYTES": "lots"}, wait=False)
        assert function.process.wait(60) == 1
        (line,) = function.output().splitlines()
        assert json.loads(line)["message"] == (
            "The function cannot start: MAX_BODY_BYTES is 'lots': expected a whole number of bytes from 1 to"
            " 999999999999"
        )
