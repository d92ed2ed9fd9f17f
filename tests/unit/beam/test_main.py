"""What is refused before Beam is imported; tests/e2e/test_beam.py has the rest."""

import pytest
from click.testing import CliRunner

from predictor.beam.__main__ import main


@pytest.mark.parametrize(
    ("uri", "digest", "said"),
    [
        ("gs://bucket/model", (), "MODEL_DIGEST"),
        ("artifacts/1", ("--digest", "sha256:1"), "MODEL_DIGEST is 'sha256:1'"),
    ],
)
def test_a_model_is_named_by_the_rules_of_the_functions(uri: str, digest: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(main, ["--input", "*.csv", "--output", "out", "--uri", uri, *digest])
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--input", "bq://penguins.birds"), "'bq://penguins.birds' is no table: it must be PROJECT.DATASET.TABLE"),
        (("--output", "gs://bucket/out", "--output-table", "birds"), "'birds' is no table"),
        (("--output-table", "bq://p.d.t"), "--output-table needs --output gs://BUCKET/FOLDER, but it is 'out'"),
        (
            ("--output", "gs://bucket/out", "--output-table", "p.d.t", "--format", "csv"),
            "--output-table is loaded from Parquet: leave --format out",
        ),
    ],
)
def test_a_table_needs_its_whole_name_and_a_bucket(options: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(main, ["--input", "*.csv", "--output", "out", "--uri", "artifacts/1", *options])
    assert done.exit_code == 2
    assert said in done.stderr
