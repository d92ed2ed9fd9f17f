"""Schemathesis against the real process: whatever it sends, only documented answers come back, and never a 5xx."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import StartFunction
from tests.support.bundles import PublishedBundle

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "missing_required_header",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
)
# Not among them: negative_data_rejection and positive_data_acceptance. JSON Schema can say neither that a key must not
# come twice nor that 1.0 is a number and "1.0" in a query is none; tests of predictor.decoding say both.
OF_PROTOCOLS = "^/(v1|v2|invocations|ping|version|bigquery)"


@pytest.mark.parametrize(
    ("chosen", "phases", "examples"),
    [
        ("--exclude-path-regex", "examples,coverage,fuzzing,stateful", 60),
        pytest.param("--include-path-regex", "examples,fuzzing", 20, marks=pytest.mark.slow),
    ],
    ids=["own paths", "paths of protocols"],
)
def test_only_documented_answers_come_back(
    start_function: StartFunction, bundle: PublishedBundle, tmp_path: Path, chosen: str, phases: str, examples: int
) -> None:
    function = start_function({**bundle.env, "MODEL_LOADING": "eager"})
    result = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{function.url}/openapi.json"),
            *("--checks", ",".join(CHECKS), "--phases", phases, "--max-examples", str(examples)),
            *("--seed", "20140305", "--generation-database", "none", "--no-color", "--continue-on-failure"),
            *(chosen, OF_PROTOCOLS),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert httpx.get(f"{function.url}/health", timeout=10).status_code == 200
    assert function.log_lines("unhandled_error") == []
    assert function.log_lines("request_failed") == []
