import pytest

from tests.support.bundles import PublishedBundle
from tests.support.cli import run

URL = "http://127.0.0.1:1"


@pytest.mark.parametrize("number", ["nan", "inf"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["smoke", URL, "--digest", f"sha256:{'0' * 64}", "--p95-ms"],
        ["smoke", URL, "--digest", f"sha256:{'0' * 64}", "--wait-s"],
        ["agreement", URL, URL, "--max-disagreement"],
        ["capacity", "--rps"],
        ["capacity", "--rps", "300", "--headroom"],
    ],
)
def test_a_limit_that_nothing_can_exceed_is_a_bad_command_line(arguments: list[str], number: str) -> None:
    result = run(*arguments, number, env={"MODEL_URI": "models"})
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("token", ["zq7secret\nzq7", "zq7secret zq7", "zq7secret€"])
def test_a_malformed_token_is_refused_and_not_shown(bundle: PublishedBundle, token: str) -> None:
    smoke = ["smoke", URL, "--digest", bundle.digest, "--golden", str(bundle.folder)]
    for arguments in (smoke, ["agreement", URL, URL]):
        result = run(*arguments, env={"IDENTITY_TOKEN": token})
        assert (result.exit_code, result.exception.__class__) == (2, SystemExit)
        assert "IDENTITY_TOKEN is not a token" in result.stderr
        assert "zq7" not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["smoke", "ftp://x.example", "--digest", f"sha256:{'0' * 64}"],
        ["smoke", URL],
        ["agreement", URL],
        ["agreement", URL, "https://user@x.example"],
        ["agreement", URL, URL, "--count", "0"],
        ["capacity", "--rps", "1", "--figures", "nowhere.json"],
    ],
)
def test_a_bad_command_line_is_status_2(arguments: list[str]) -> None:
    assert run(*arguments, env={"MODEL_URI": "models"}).exit_code == 2


def test_a_smoke_test_needs_golden_rows() -> None:
    result = run("smoke", URL, "--digest", f"sha256:{'0' * 64}", env={"MODEL_URI": None})
    assert result.exit_code == 2
    assert "MODEL_URI is not set: give --golden, or set it to the published model" in result.stderr


def test_a_function_that_cannot_be_reached_is_one_line_and_status_1(bundle: PublishedBundle) -> None:
    result = run("smoke", URL, "--digest", bundle.digest, "--golden", str(bundle.folder / "golden.json"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: {URL} could not be reached: GET /ready failed, because nothing accepts connections there;"
        " is it running, and on this port?\n"
    )
