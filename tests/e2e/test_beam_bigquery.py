"""Tables in, tables out: the pipeline with real object storage, and a fake of BigQuery's jobs that moves real files.

What this cannot show: BigQuery's own limits and types, and the rights that its jobs need.
"""

import csv
import io
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pytest

from predictor.artifacts import open_store
from predictor.bulk import score_stream
from predictor.models import load_model
from predictor.training.dataset import load_penguins
from tests.support.bundles import PublishedBundle
from tests.support.environments import make_environment
from tests.support.fake_bigquery import FakeBigQuery
from tests.support.gcs import GcsServer
from tests.support.processes import PROJECT

pytestmark = pytest.mark.slow

SOURCE = "bigquery-public-data.ml_datasets.penguins"
TARGET = "fake-project.penguins.scored"
NAMES = {"bill_length_mm": "culmen_length_mm", "bill_depth_mm": "culmen_depth_mm"}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(
        tmp_path_factory.mktemp("beam"), "3.11", "--requirements", PROJECT / "requirements-beam.txt"
    )


@pytest.fixture
def bigquery(gcs_server: GcsServer) -> Iterator[FakeBigQuery]:
    fake = FakeBigQuery(gcs_server, datasets={"penguins"})
    rows = [penguin.model_dump(mode="json") for penguin in load_penguins().penguins]
    rows = [{NAMES.get(name, name): value for name, value in row.items()} for row in rows]
    fake.tables[SOURCE] = pyarrow.Table.from_pylist([{**row, "sex": row["sex"].upper()} for row in rows])
    yield fake
    fake.stop()


@pytest.fixture
def output(gcs_server: GcsServer, tmp_path: Path) -> str:
    """A folder in a bucket of this test's own."""
    bucket = f"beam-{abs(hash(tmp_path)):x}"
    gcs_server.create_bucket(bucket)
    return f"gs://{bucket}/out"


@pytest.fixture
def run(python: Path, bundle: PublishedBundle, bigquery: FakeBigQuery, output: str, tmp_path: Path) -> "Run":
    return Run(python, bundle, bigquery, output, tmp_path)


class Run:
    def __init__(
        self, python: Path, bundle: PublishedBundle, bigquery: FakeBigQuery, output: str, folder: Path
    ) -> None:
        self._command: list[str | Path] = [
            python,
            "-m",
            "predictor.beam",
            "--uri",
            bundle.folder,
            "--digest",
            bundle.digest,
        ]
        self._output = output
        self._env = {**os.environ, **bigquery.env(folder)}

    def __call__(self, *options: str) -> subprocess.CompletedProcess[str]:
        given: list[str | Path] = [*self._command, "--input", f"bq://{SOURCE}", "--output", self._output, *options]
        return subprocess.run(
            given, cwd=PROJECT, env=self._env, capture_output=True, text=True, check=False, timeout=300
        )


def predicted(bundle: PublishedBundle, table: pyarrow.Table) -> list[dict[str, str]]:
    """What `predict FILE` writes for the table as CSV."""
    model = load_model(open_store(str(bundle.folder)), pin=bundle.digest, choice="auto", deadline=float("inf"))
    text = io.StringIO()
    written: list[bytes] = []
    writer = csv.DictWriter(text, table.column_names)
    writer.writeheader()
    writer.writerows(table.to_pylist())
    score_stream(model, io.BytesIO(text.getvalue().encode()), written.append)
    return list(csv.DictReader(io.StringIO(b"".join(written).decode())))


def test_a_table_becomes_a_table_and_the_same_command_gives_the_same(
    run: Run, bundle: PublishedBundle, bigquery: FakeBigQuery
) -> None:
    done = run("--output-table", TARGET)
    assert done.returncode == 0, done.stderr
    assert "333 rows in 2 files, 0 of them invalid, 0 files unusable" in done.stderr
    table = bigquery.tables[TARGET]
    source = bigquery.tables[SOURCE]
    assert table.select(source.column_names).cast(source.schema) == source
    expected = predicted(bundle, source)
    assert table["prediction"].to_pylist() == [row["prediction"] for row in expected]
    for name in ("probability", "probability_Adelie", "probability_Chinstrap", "probability_Gentoo"):
        assert table[name].to_pylist() == [float(row[name]) for row in expected]
    assert set(table["error"].to_pylist()) == {None}

    bigquery.tables[SOURCE] = source.slice(0, 10)  # The answers are those to the first export.
    again = run("--output-table", TARGET)
    assert again.returncode == 0, again.stderr
    assert bigquery.tables[TARGET] == table
    assert (len(bigquery.done("extract")), len(bigquery.done("load"))) == (1, 2)


def test_a_job_that_failed_is_said_in_one_line_and_made_anew(run: Run, bigquery: FakeBigQuery) -> None:
    bigquery.refusal = "Access Denied: no permission storage.objects.create on bucket"
    done = run()
    assert done.returncode == 1
    said = f"Error: BigQuery cannot export {SOURCE}: {bigquery.refusal}"
    assert done.stderr.splitlines()[-1] == said

    bigquery.refusal = None
    assert run().returncode == 0
    assert len(bigquery.done("extract")) == 2

    done = run("--output-table", "fake-project.nowhere.scored", "--format", "parquet")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "BigQuery cannot load gs://" in last
    assert "Not found: Dataset fake-project:nowhere" in last


def test_a_table_that_is_not_there_is_named(run: Run) -> None:
    done = run("--input", "bq://fake-project.penguins.missing")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: BigQuery cannot export fake-project.penguins.missing: ")
    assert "Not found: Table fake-project:penguins.missing" in last


EXPORT = """
import sys
from predictor.beam.bigquery import BigQuery
source, folder, timeout_s, count = sys.argv[1:]
print(BigQuery(None, timeout_s=float(timeout_s)).export(source, folder, "a purpose", lambda pattern: int(count)))
"""


def test_an_export_is_used_again_as_long_as_its_files_are_there(
    python: Path, bigquery: FakeBigQuery, output: str, tmp_path: Path
) -> None:
    def export(timeout_s: float, count: int) -> subprocess.CompletedProcess[str]:
        given: list[str | Path] = [python, "-c", EXPORT, SOURCE, output, str(timeout_s), str(count)]
        env = {**os.environ, **bigquery.env(tmp_path)}
        return subprocess.run(given, cwd=PROJECT, env=env, capture_output=True, text=True, check=False, timeout=60)

    bigquery.stuck = True
    late = export(0, 0)
    assert late.returncode == 1
    assert re.search("BigQuery's job penguin-export-.* is not done after 0 s; give the same command", late.stderr)
    bigquery.stuck = False
    first = export(60, 2)
    assert first.stdout.startswith(f"{output}/penguin-export-"), first.stderr
    assert export(60, 2).stdout == first.stdout
    assert len(bigquery.jobs) == 1
    another = export(60, 1)  # One of two files is gone.
    assert another.stdout == first.stdout.replace("-1/", "-2/")
    assert len(bigquery.jobs) == 2
