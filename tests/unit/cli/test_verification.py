import json
from pathlib import Path

import pytest

from tests.support.bundles import PublishedBundle, publish_by_hand
from tests.support.cli import run


def test_a_good_model_is_good(bundle: PublishedBundle) -> None:
    result = run("verify", str(bundle.folder), "--digest", bundle.digest)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"is good: version {bundle.folder.name}, 6 files" in result.stdout


def test_missing_extra_and_changed_files_are_listed_with_expected_and_actual_digests(tmp_path: Path) -> None:
    bundle = publish_by_hand(tmp_path)
    (bundle.folder / "columns.pkl").unlink()
    (bundle.folder / "notes.txt").write_text("mine")
    (bundle.folder / "model.onnx").write_bytes(b"x")
    result = run("verify", str(bundle.folder), "--digest", bundle.digest)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert any("has no columns.pkl" in line for line in lines)
    assert any("notes.txt, which the manifest does not list" in line for line in lines)
    assert any("model.onnx has digest sha256:" in line and "expected sha256:" in line for line in lines)


def test_the_result_as_json(bundle: PublishedBundle) -> None:
    good = run("verify", str(bundle.folder), "--digest", bundle.digest, "--json")
    assert (good.exit_code, json.loads(good.stdout)) == (
        0,
        {
            "uri": str(bundle.folder),
            "digest": bundle.digest,
            "version": bundle.folder.name,
            "files": 6,
            "faults": [],
        },
    )
    wrong = run("verify", str(bundle.folder), "--digest", "sha256:" + "0" * 64, "--json")
    assert wrong.exit_code == 1
    (fault,) = json.loads(wrong.stdout)["faults"]
    assert f"manifest.json has digest {bundle.digest}" in fault


def test_another_digest_is_a_finding(bundle: PublishedBundle) -> None:
    result = run("verify", str(bundle.folder), "--digest", "sha256:" + "0" * 64)
    assert result.exit_code == 1
    assert f"manifest.json has digest {bundle.digest}, expected sha256:000" in result.stdout


def test_without_a_digest_it_says_what_is_not_verified(bundle: PublishedBundle) -> None:
    result = run("verify", str(bundle.folder))
    assert result.exit_code == 0
    assert "is consistent, but its origin is not verified: version" in result.stdout
    assert result.stderr == (
        "without --digest or --key the manifest itself is not verified, so the pickles are not opened\n"
    )


@pytest.mark.parametrize(
    "arguments", [["s3://bucket/x"], ["gs:///x"], ["folder", "--digest", "sha256:1"], ["--digest"], []]
)
def test_a_bad_command_line_is_status_2(arguments: list[str]) -> None:
    assert run("verify", *arguments).exit_code == 2
