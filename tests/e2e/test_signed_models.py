"""A signed model, from training to deployment: signed, copied with its signature, checked, and refused when changed."""

import subprocess
import sys
from pathlib import Path

import joblib
import pytest

from predictor.training.dataset import DATA_FILE
from tests.support.bundles import PublishedBundle, publish_by_hand
from tests.support.cli import run
from tests.support.made_elsewhere import encoded, raw, read_birds, regression
from tests.support.pages import shell_commands
from tests.support.processes import PROJECT
from tests.support.programs import require_program
from tests.support.signing import Keys, make_key


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_key(tmp_path_factory.mktemp("keys"), "release")


def published(*arguments: str) -> Path:
    """The folder that a command has published to."""
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    return Path(dict(line.split("=", 1) for line in result.stdout.splitlines())["MODEL_URI"])


def verdict(folder: Path, key: Path) -> tuple[int, str]:
    result = run("verify", str(folder), "--key", str(key))
    return result.exit_code, result.stdout


@pytest.fixture(scope="module")
def signed(bundle: PublishedBundle, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    return published("publish", "--from", str(bundle.folder.parent), "--to", str(root), "--sign", str(keys.private))


def test_the_signature_stands_beside_the_manifest_and_is_good(signed: Path, keys: Keys) -> None:
    assert (signed / "manifest.json.sig").is_file()
    status, said = verdict(signed, keys.public)
    assert (status, "is good" in said) == (0, True)


def test_a_signed_model_serves_and_verifies_as_any_other(signed: Path, bundle: PublishedBundle) -> None:
    result = run("verify", str(signed), "--digest", bundle.digest)
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.slow
def test_the_standard_tool_accepts_it(signed: Path, keys: Keys) -> None:
    signature, manifest = signed / "manifest.json.sig", signed / "manifest.json"
    command = [sys.executable, "-m", "model_signing", "verify", "key"]
    options = ["--signature", str(signature), "--public_key", str(keys.public)]
    done = subprocess.run([*command, *options, str(manifest)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Verification succeeded" in done.stdout


def test_the_signature_is_published_with_the_model(signed: Path, tmp_path: Path) -> None:
    copy = published("publish", "--from", str(signed.parent), "--to", str(tmp_path / "copy"))
    assert (copy / "manifest.json.sig").read_bytes() == (signed / "manifest.json.sig").read_bytes()


def test_signing_again_leaves_the_first_signature(signed: Path, keys: Keys) -> None:
    before = (signed / "manifest.json.sig").read_bytes()
    again = run("publish", "--from", str(signed.parent), "--to", str(signed.parent), "--sign", str(keys.private))
    assert again.exit_code == 0, again.stderr
    assert "it has a signature of another time, which is left as it is" in again.stderr
    assert (signed / "manifest.json.sig").read_bytes() == before


def test_a_changed_file_is_named_although_the_signature_is_good(keys: Keys, tmp_path: Path) -> None:
    made = publish_by_hand(tmp_path, seed=9)
    folder = published("publish", "--from", str(tmp_path), "--to", str(tmp_path / "root"), "--sign", str(keys.private))
    assert folder.name == made.folder.name
    (folder / "model.onnx").write_bytes(b"x" + (folder / "model.onnx").read_bytes()[1:])
    status, said = verdict(folder, keys.public)
    assert (status, "model.onnx has digest" in said) == (1, True)


def test_a_pickle_of_a_model_that_somebody_else_signed_is_not_opened(signed: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path, "other")
    status, said = verdict(signed, other.public)
    assert status == 1
    assert said == f"{signed} is not signed as expected: manifest.json.sig was not made with {other.public}.\n"


def test_a_key_that_cannot_be_used_publishes_nothing(bundle: PublishedBundle, tmp_path: Path) -> None:
    root = tmp_path / "root"
    result = run("publish", "--from", str(bundle.folder.parent), "--to", str(root), "--sign", str(tmp_path / "gone"))
    assert (result.exit_code, root.exists()) == (1, False)
    assert "cannot sign with" in result.stderr


@pytest.mark.parametrize(
    "options",
    [["--identity", "a@example.org"], ["--issuer", "https://example.org"], ["--key", "gone.pub"]],
    ids=["identity alone", "issuer alone", "no such key"],
)
def test_half_an_expectation_is_status_2(signed: Path, options: list[str]) -> None:
    assert run("verify", str(signed), *options).exit_code == 2


@pytest.mark.slow
def test_training_and_foreign_pickles_are_signed_too(keys: Keys, tmp_path: Path, bundle: PublishedBundle) -> None:
    sign = ("--sign", str(keys.private))
    trained = published("train", "--to", str(tmp_path / "trained"), *sign)
    pickles = [str(bundle.folder / name) for name in ("model.pkl", "label_encoder.pkl", "columns.pkl")]
    foreign = published("publish", *pickles, "--to", str(tmp_path / "foreign"), "--accept-accuracy", *sign)
    for folder in (trained, foreign):
        assert verdict(folder, keys.public)[0] == 0


@pytest.mark.slow
def test_the_pages_commands_sign_and_check_a_model(tmp_path: Path) -> None:
    """The section on a key in a file, as it is pasted."""
    require_program("openssl")
    birds, species = read_birds(DATA_FILE)
    joblib.dump(encoded(regression()).fit(raw(birds), species), tmp_path / "model.joblib")
    (tmp_path / "predictor").symlink_to(PROJECT / "predictor")
    page = (PROJECT / "docs/how-to/sign-models.md").read_text()
    section = page.partition("## With a key in a file")[2].partition("\n## ")[0]
    commands = shell_commands(section)
    assert len(commands) == 5
    for command in commands:
        version = next((path.name for path in tmp_path.glob("my-models/*")), "VERSION")
        pasted = command.replace(".venv/bin/python", sys.executable).replace("VERSION", version)
        done = subprocess.run(["bash", "-c", pasted], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "my-models" / version / "manifest.json.sig").is_file()
