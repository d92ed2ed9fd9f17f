import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from predictor.training.dataset import DATA_FILE
from tests.conftest import Trained
from tests.support.bundles import PublishedBundle
from tests.support.cli import FLAGS, run


class TestPublish:
    def test_train_publish_and_predict_go_together(self, trained: Trained, tmp_path: Path) -> None:
        assert "cv_accuracy 0.99" in trained.said
        published = run("publish", "--from", str(trained.folder), "--to", str(tmp_path / "root"))
        assert published.exit_code == 0, published.stderr
        env = dict(line.split("=", 1) for line in published.stdout.splitlines())
        assert list(env) == ["MODEL_URI", "MODEL_DIGEST"]
        assert env["MODEL_URI"].endswith("root/20260102-030405-" + env["MODEL_URI"][-8:])
        again = run("publish", "--from", str(trained.folder), "--to", str(tmp_path / "root"))
        assert again.stdout == published.stdout
        assert run("verify", env["MODEL_URI"], "--digest", env["MODEL_DIGEST"]).exit_code == 0
        assert json.loads(run("predict", *FLAGS, env=env).stdout)["prediction"] == "Adelie"

    def test_a_root_that_cannot_be_written_is_named(self, bundle: PublishedBundle, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("no folder")
        result = run("publish", "--from", str(bundle.folder.parent), "--to", str(tmp_path / "file"))
        assert (result.exit_code, result.stdout) == (1, "")
        assert "Not a directory" in result.stderr

    def test_nothing_to_publish_is_an_error(self, tmp_path: Path) -> None:
        result = run("publish", "--from", str(tmp_path), "--to", str(tmp_path / "root"))
        assert (result.exit_code, result.stdout) == (1, "")
        assert "has no version" in result.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--to", "root"],
            ["--from", "a", "--to", ""],
            ["--from", "", "--to", "root"],
            ["--from", "a", "--from-pickles", "a", "b", "c", "--to", "root"],
            ["--from", "a", "--without-onnx", "--to", "root"],
            ["--from", "a"],
        ],
    )
    def test_a_bad_command_line_is_status_2(self, arguments: list[str]) -> None:
        assert run("publish", *arguments).exit_code == 2

    def test_a_time_of_another_kind_is_a_bad_command_line(self, tmp_path: Path) -> None:
        result = run("train", "--to", str(tmp_path), env={"SOURCE_DATE_EPOCH": "yesterday"})
        assert result.exit_code == 2
        assert "SOURCE_DATE_EPOCH is 'yesterday'" in result.stderr


@pytest.fixture(scope="module")
def birds() -> list[str]:
    """The lines of the Palmer penguins."""
    return DATA_FILE.read_text().splitlines()


class TestReference:
    """`publish --reference FILE.csv`: which labelled rows the forms of a model are compared on."""

    def publish(self, bundle: PublishedBundle, root: Path, reference: Path) -> Result:
        return run("publish", "--from", str(bundle.folder.parent), "--to", str(root), "--reference", str(reference))

    def test_the_model_is_compared_on_these_rows(
        self, bundle: PublishedBundle, tmp_path: Path, birds: list[str]
    ) -> None:
        reference = tmp_path / "birds.csv"
        reference.write_text("\n".join(birds[:31]))
        result = self.publish(bundle, tmp_path / "root", reference)
        assert result.exit_code == 0, result.stderr
        valid = sum("NA" not in line for line in birds[1:31])
        assert f"on {20_000 + valid} penguins" in result.stderr

    def test_pickles_are_compared_on_these_rows_too(
        self, bundle: PublishedBundle, tmp_path: Path, birds: list[str]
    ) -> None:
        reference = tmp_path / "birds.csv"
        reference.write_text("\n".join(birds[:31]))
        pickles = [str(bundle.folder / name) for name in ("model.pkl", "label_encoder.pkl", "columns.pkl")]
        result = run(
            *("publish", "--from-pickles", *pickles, "--to", str(tmp_path / "root")), "--reference", str(reference)
        )
        assert result.exit_code == 0, result.stderr
        folder = Path(dict(line.split("=", 1) for line in result.stdout.splitlines())["MODEL_URI"])
        metrics = json.loads((folder / "manifest.json").read_bytes())["metrics"]
        assert metrics["data_set_rows"] == sum("NA" not in line for line in birds[1:31])

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda lines: [lines[0].replace("sex", "gender"), *lines[1:]], "birds.csv: the header lacks sex"),
            (
                lambda lines: [*lines[:3], lines[3].replace("Adelie", "Emperor")],
                "birds.csv: row 3: species must be one of Adelie, Chinstrap, Gentoo",
            ),
            (lambda lines: lines[:1], "birds.csv has no valid row"),
            (lambda lines: [lines[0], lines[1].replace("39.1", "NA")], "birds.csv has no valid row"),
            (lambda lines: [*lines[:2], "Adelie"], "birds.csv: row 2 has 1 cells, the header 8"),
            (lambda lines: [*lines[:2], "\udcff"], "birds.csv is not UTF-8"),
            (None, "birds.csv cannot be read: No such file or directory"),
        ],
        ids=["missing column", "unknown label", "no row", "no valid row", "short row", "not UTF-8", "no file"],
    )
    def test_a_file_that_cannot_be_used_is_one_line_and_nothing_is_published(
        self,
        bundle: PublishedBundle,
        tmp_path: Path,
        birds: list[str],
        change: Callable[[list[str]], list[str]] | None,
        message: str,
    ) -> None:
        reference = tmp_path / "birds.csv"
        if change is not None:
            reference.write_bytes("\n".join(change(birds)).encode(errors="surrogateescape"))
        result = self.publish(bundle, tmp_path / "root", reference)
        assert (result.exit_code, result.stdout) == (1, "")
        last: str = result.stderr.splitlines()[-1]
        assert last.startswith("error: ")
        assert message in last
        assert not (tmp_path / "root").exists()
