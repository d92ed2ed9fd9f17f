"""The Beam pipeline with a real runner and real worker processes, in the environment of its own lock."""

import csv
import gzip
import io
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import psutil
import pyarrow
import pytest
from pyarrow.parquet import read_table, write_table

from benchmarks.event_files import make_csv
from predictor.artifacts import open_store
from predictor.bootstrap import build
from predictor.bulk import score_stream
from predictor.models import LoadedModel, load_model
from predictor.settings import Settings
from predictor.training.dataset import DATA_FILE, load_penguins
from tests.support.asgi import Client
from tests.support.bundles import PublishedBundle
from tests.support.environments import make_environment
from tests.support.processes import PROJECT

pytestmark = pytest.mark.slow

ROWS = 20_000


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(
        tmp_path_factory.mktemp("beam"), "3.11", "--requirements", PROJECT / "requirements-beam.txt"
    )


@pytest.fixture(scope="module")
def model(bundle: PublishedBundle) -> LoadedModel:
    return load_model(open_store(str(bundle.folder)), pin=bundle.digest, choice="auto", deadline=float("inf"))


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def command(python: Path, bundle: PublishedBundle, inputs: Path, output: Path, *options: str) -> list[str]:
    model = ["--uri", str(bundle.folder), "--digest", bundle.digest]
    return [str(python), "-m", "predictor.beam", "--input", f"{inputs}/*", "--output", str(output), *model, *options]


def score(*arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300)


def predicted(model: LoadedModel, data: bytes) -> bytes:
    """What `predict FILE` writes."""
    written: list[bytes] = []
    score_stream(model, io.BytesIO(data), written.append)
    return b"".join(written)


def put_together(files: Iterable[Path]) -> bytes:
    """The parts of a file in their order, with the header of the first."""
    first, *others = (path.read_bytes() for path in sorted(files))
    header = first.index(b"\n") + 1 if not first.startswith(b"{") else 0
    return first + b"".join(other[header:] for other in others)


def test_two_processes_write_what_predict_writes(
    python: Path, bundle: PublishedBundle, model: LoadedModel, inputs: Path, tmp_path: Path
) -> None:
    table = make_csv(2 * ROWS)
    birds = [penguin.model_dump() for penguin in load_penguins().penguins]
    given = {
        "large.csv": table,
        "zipped.csv": gzip.compress(make_csv(ROWS, seed=2)),
        "birds.ndjson": b"".join(orjson.dumps(bird) + b"\n" for bird in [*birds, {}]),
        "penguins.csv": DATA_FILE.read_bytes(),
    }
    for name, data in given.items():
        (inputs / name).write_bytes(data)
    write_table(pyarrow.Table.from_pylist(birds), inputs / "birds.parquet", row_group_size=100)
    (inputs / "notes.txt").write_bytes(b"none\n")
    output = tmp_path / "out"
    done = score(python, bundle, inputs, output, "--workers", "2", "--slice-mib", "1")
    assert done.returncode == 1, done.stderr  # For notes.txt.
    for name in [*given, "birds.parquet"]:
        expected = predicted(model, (inputs / name).read_bytes())
        assert put_together(output.glob(f"{name}-*")) == expected, name
    assert len(list(output.glob("large.csv-*"))) == 2
    assert len(list(output.glob("birds.parquet-*"))) == 4
    check_birds(bundle, birds, (output / "birds.ndjson-00000.ndjson").read_bytes())

    summary = json.loads((output / "summary.json").read_bytes())
    assert summary["model"] == {"uri": str(bundle.folder), "digest": bundle.digest}
    rejects = [json.loads(line) for path in output.glob("rejects/*") for line in path.read_bytes().splitlines()]
    rows = {Path(path).name: file["rows"] for path, file in summary["files"].items()}
    assert rows == {
        "large.csv": 2 * ROWS,
        "zipped.csv": ROWS,
        "penguins.csv": 344,
        "notes.txt": 0,
        "birds.ndjson": 334,
        "birds.parquet": 333,
    }
    assert summary["invalid"] == sum(reject["row"] is not None for reject in rejects)
    assert f"{summary['rows']} rows in 6 files, {summary['invalid']} of them invalid, 1 files unusable" in done.stderr
    assert f"{inputs}/notes.txt: the header lacks" in done.stderr


def check_birds(bundle: PublishedBundle, birds: list[dict[str, Any]], answers: bytes) -> None:
    """The answers are those of the service."""
    client = Client(build(Settings(model_uri=str(bundle.folder), model_digest=bundle.digest)))
    served = client.post("/predict", json={"instances": birds}).json()["predictions"]
    assert len(served) == 333
    for line, other in zip(answers.splitlines(), served, strict=False):  # One more line, for a bird without fields.
        answer = json.loads(line)
        assert answer["prediction"] == other["prediction"]
        assert answer["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)


def test_answers_in_parquet(
    python: Path, bundle: PublishedBundle, model: LoadedModel, inputs: Path, tmp_path: Path
) -> None:
    data = DATA_FILE.read_bytes()
    (inputs / "penguins.csv").write_bytes(data)
    done = score(python, bundle, inputs, tmp_path / "out", "--format", "parquet")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "penguins.csv-00000.parquet",
        "rejects",
        "summary.json",
    }
    rows = read_table(tmp_path / "out/penguins.csv-00000.parquet").to_pylist()
    expected = csv.DictReader(predicted(model, data).decode().splitlines())
    assert [row["prediction"] or "" for row in rows] == [row["prediction"] for row in expected]


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    def is_worker(child: psutil.Process) -> bool:
        return child.name().startswith("python") and any("sdk_worker_main" in word for word in child.cmdline())

    return [child for child in psutil.Process(process.pid).children(recursive=True) if is_worker(child)]


def until(done: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    while not done():
        assert process.poll() is None, "it ended before it was stopped"
        time.sleep(0.01)


def test_a_killed_worker_loses_and_doubles_nothing(
    python: Path, bundle: PublishedBundle, model: LoadedModel, inputs: Path, tmp_path: Path
) -> None:
    table = make_csv(ROWS // 2)
    files = 12
    for number in range(files):
        (inputs / f"{number}.csv").write_bytes(table)
    output = tmp_path / "out"
    arguments = command(python, bundle, inputs, output, "--workers", "2")
    with subprocess.Popen(arguments, cwd=PROJECT, stderr=subprocess.PIPE) as process:
        until(lambda: any(output.glob("*.csv")), process)
        workers_of(process)[0].kill()
        assert process.wait(timeout=120) == 1
        assert process.stderr is not None
        assert b"the same command again writes the rest" in process.stderr.read()
    expected = predicted(model, table)
    written = {path.name: path.read_bytes() for path in output.glob("*.csv")}
    assert 0 < len(written) < files
    assert set(written.values()) == {expected}  # Each of them whole.
    assert not (output / "summary.json").exists()

    again = score(python, bundle, inputs, output, "--workers", "2")
    assert again.returncode == 0, again.stderr
    names = {f"{number}.csv-00000.csv" for number in range(files)}
    assert {path.name: path.read_bytes() for path in output.glob("*.csv")} == dict.fromkeys(names, expected)
    assert json.loads((output / "summary.json").read_bytes())["rows"] == files * ROWS // 2


def test_what_cannot_be_done_is_said_in_one_line(
    python: Path, bundle: PublishedBundle, inputs: Path, tmp_path: Path
) -> None:
    (inputs / "table.csv").write_bytes(make_csv(10))
    done = score(python, bundle, inputs, tmp_path / "out", "--input", "/nowhere/*.csv")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "Error: no file matches /nowhere/*.csv")
    done = score(python, bundle, inputs, tmp_path / "out", "--uri", "/nowhere")
    assert done.returncode == 1
    assert "/nowhere" in done.stderr.splitlines()[-1]
    (tmp_path / "out").mkdir(exist_ok=True)
    (tmp_path / "out/summary.json").write_text("{}")
    done = score(python, bundle, inputs, tmp_path / "out")
    assert done.returncode == 2
    assert "these are the answers of another run; give another folder" in done.stderr


def test_beam_understands_every_option_that_deploy_sh_gives_it(python: Path) -> None:
    script = (PROJECT / "ops/deploy/batch.sh").read_text()
    command = script[script.index("--runner DataflowRunner") :].partition("\n}\n")[0]
    options = re.findall(r"--\w+", command)
    assert {"--service_account_email", "--no_use_public_ips", "--subnetwork"} <= set(options)
    values = {"--max_num_workers": "3", "--runner": "DataflowRunner"}
    given = [word for option in options for word in (option, values.get(option, "some"))]
    del given[given.index("--no_use_public_ips") + 1]  # It takes no value.
    parse = "import sys; from apache_beam.options.pipeline_options import PipelineOptions as Options"
    shown = f"{parse}; print(len(Options(sys.argv[1:]).get_all_options(drop_default=True)))"
    done = subprocess.run([python, "-c", shown, *given], capture_output=True, text=True, check=True, timeout=300)
    assert (done.stdout, done.stderr) == (f"{len(options)}\n", "")
