"""A model of the replaced service, saved by a script outside the package, published and served on both engines."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from predictor.artifacts import ONNX_FILE, Manifest
from predictor.cli import main
from predictor.training.dataset import DATA_FILE, load_penguins
from tests.conftest import StartFunction
from tests.support.processes import PROJECT


def made(kind: str, folder: Path) -> list[str]:
    """Three pickles in `folder`; what the replaced service's own code path answers for every complete bird."""
    script = PROJECT / "tests/support/replaced_service.py"
    subprocess.run([sys.executable, script, kind, DATA_FILE, folder], check=True, cwd=folder.parent, timeout=120)
    predictions: list[str] = json.loads((folder / "predictions.json").read_bytes())
    return predictions


def publish(folder: Path, root: Path, *options: str) -> tuple[int, dict[str, str], str]:
    """Exit status, the settings that were printed, and what was said on stderr."""
    pickles = [str(folder / name) for name in ("model.pkl", "label_encoder.pkl", "columns.pkl")]
    result = CliRunner().invoke(main, ["publish", "--from-pickles", *pickles, "--to", str(root), *options])
    return result.exit_code, dict(line.split("=", 1) for line in result.stdout.splitlines()), result.stderr


SLOW = [
    pytest.param(kind, marks=pytest.mark.slow) for kind in ("xgboost", "xgboost-softmax", "lightgbm", "columns-by-name")
]


@pytest.mark.parametrize("kind", ["forest", *SLOW])
def test_all_engines_give_the_answers_of_the_replaced_service(
    kind: str, tmp_path: Path, start_function: StartFunction
) -> None:
    expected = made(kind, tmp_path / "pickles")
    status, settings, said = publish(tmp_path / "pickles", tmp_path / "models")
    assert status == 0, said
    assert "opening a pickle runs the code in it" in said
    assert "all forms agree" in said
    birds = [penguin.model_dump() for penguin in load_penguins().penguins]
    assert len(birds) == len(expected) == 333
    for engine in ("compiled", "onnx", "sklearn"):
        function = start_function({**settings, "MODEL_ENGINE": engine})
        answer = httpx.post(f"{function.url}/predict", json={"instances": birds}, timeout=60)
        assert [row["prediction"] for row in answer.json()["predictions"]] == expected
        assert httpx.get(f"{function.url}/model", timeout=30).json()["engine"] == engine
        function.stop()


@pytest.mark.slow
def test_a_form_that_answers_otherwise_is_left_out(tmp_path: Path) -> None:
    # A scaled measurement falls on the other side of a tree's threshold when the measurement is a float32.
    made("xgboost-scaled", tmp_path / "pickles")
    status, settings, said = publish(tmp_path / "pickles", tmp_path / "models")
    assert status == 0
    assert "model.onnx and the model differ by" in said
    assert "published without model.onnx, so the compiled engine serves it" in said
    assert "published without bigquery.onnx, which BigQuery imports: it is made of model.onnx" in said
    manifest = Manifest.from_bytes((Path(settings["MODEL_URI"]) / "manifest.json").read_bytes(), None)
    assert "compiled.json" in manifest.file_names
    assert ONNX_FILE not in manifest.file_names


@pytest.mark.slow
def test_without_onnx_the_sklearn_engine_serves_it(tmp_path: Path) -> None:
    made("forest", tmp_path / "pickles")
    status, settings, said = publish(tmp_path / "pickles", tmp_path / "models", "--without-onnx")
    assert status == 0
    assert "scikit-learn==" in said
    manifest = Manifest.from_bytes(
        (Path(settings["MODEL_URI"]) / "manifest.json").read_bytes(), settings["MODEL_DIGEST"]
    )
    assert ONNX_FILE not in manifest.file_names
    assert manifest.metrics["data_set_rows"] == 333


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "damage", "message"),
    [
        ("no-probabilities", {}, "gives no probabilities"),
        ("forest", {"model.pkl": b"no pickle"}, "cannot be unpickled"),
        ("forest", {"columns.pkl": None}, "cannot be read"),
    ],
)
def test_what_cannot_serve_is_refused_with_the_reason(
    kind: str, damage: dict[str, bytes | None], message: str, tmp_path: Path
) -> None:
    made(kind, tmp_path / "pickles")
    for name, data in damage.items():
        (tmp_path / "pickles" / name).unlink()
        if data is not None:
            (tmp_path / "pickles" / name).write_bytes(data)
    status, settings, said = publish(tmp_path / "pickles", tmp_path / "models")
    assert (status, settings) == (1, {})
    assert message in said
    assert not (tmp_path / "models").exists()
