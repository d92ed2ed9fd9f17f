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
