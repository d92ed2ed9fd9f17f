"""The command line, in-process. What it prints on stdout is its result; everything else is on stderr."""

import csv
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from predictor.cli import main
from tests.support.bundles import EXAMPLE, PublishedBundle, publish_by_hand

FLAGS = [part for name, value in EXAMPLE.items() for part in (f"--{name.replace('_', '-')}", str(value))]
GOOD = ",".join(map(str, EXAMPLE.values()))
HEADER = ",".join(EXAMPLE)


def run(*arguments: str, stdin: str | bytes | None = None, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=stdin, env=env)


def model(bundle: PublishedBundle) -> list[str]:
    return ["--uri", str(bundle.folder), "--digest", bundle.digest]


class TestVerify:
    def test_a_good_model_is_good(self, bundle: PublishedBundle) -> None:
        result = run("verify", str(bundle.folder), "--digest", bundle.digest)
        assert (result.exit_code, result.stderr) == (0, "")
        assert f"is good: version {bundle.folder.name}, 6 files" in result.stdout

    def test_it_says_what_is_missing_extra_and_changed_with_expected_and_actual(self, tmp_path: Path) -> None:
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

    def test_another_digest_is_a_finding(self, bundle: PublishedBundle) -> None:
        result = run("verify", str(bundle.folder), "--digest", "sha256:" + "0" * 64)
        assert result.exit_code == 1
        assert f"manifest.json has digest {bundle.digest}, expected sha256:000" in result.stdout

    def test_without_a_digest_it_says_what_that_is_worth(self, bundle: PublishedBundle) -> None:
        result = run("verify", str(bundle.folder))
        assert result.exit_code == 0
        assert "vouches only for itself" in result.stderr

    @pytest.mark.parametrize(
        "arguments", [["s3://bucket/x"], ["gs:///x"], ["folder", "--digest", "sha256:1"], ["--digest"], []]
    )
    def test_a_bad_command_line_is_status_2(self, arguments: list[str]) -> None:
        assert run("verify", *arguments).exit_code == 2


class TestPredictOne:
    def test_from_options(self, bundle: PublishedBundle) -> None:
        result = run("predict", *model(bundle), *FLAGS)
        assert (result.exit_code, result.stderr) == (0, "")
        answer = json.loads(result.stdout)
        assert answer["prediction"] == "Adelie"
        assert answer["model"] == {"version": bundle.folder.name, "digest": bundle.digest}

    def test_from_json_on_stdin(self, bundle: PublishedBundle) -> None:
        result = run("predict", *model(bundle), stdin=json.dumps(EXAMPLE))
        assert json.loads(result.stdout)["prediction"] == "Adelie"

    def test_the_model_may_come_from_the_environment(self, bundle: PublishedBundle) -> None:
        assert run("predict", *FLAGS, env=bundle.env).exit_code == 0
        wrong = {**bundle.env, "MODEL_DIGEST": "sha256:" + "0" * 64}
        result = run("predict", *FLAGS, env=wrong)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("error: ")

    def test_a_given_model_is_not_held_to_the_pin_of_another(self, bundle: PublishedBundle) -> None:
        pinned = {"MODEL_URI": "elsewhere", "MODEL_DIGEST": "sha256:" + "0" * 64}
        assert run("predict", "--uri", str(bundle.folder), *FLAGS, env=pinned).exit_code == 0

    def test_all_that_is_wrong_is_told_in_one_line(self, bundle: PublishedBundle) -> None:
        result = run("predict", *model(bundle), stdin='{"bill_length_mm": "long", "sex": "male"}')
        assert (result.exit_code, result.stdout) == (1, "")
        (line,) = result.stderr.splitlines()
        assert "bill_length_mm: Must be a number" in line
        assert "island: Is required." in line

    def test_a_penguin_out_of_range_is_bad_and_a_flag_that_is_no_number_a_bad_command_line(
        self, bundle: PublishedBundle
    ) -> None:
        assert run("predict", *model(bundle), *FLAGS[2:], "--bill-length-mm", "1").exit_code == 1
        assert run("predict", *model(bundle), *FLAGS[2:], "--bill-length-mm", "long").exit_code == 2
        assert run("predict", *model(bundle), *FLAGS[2:]).exit_code == 2

    def test_a_bucket_without_a_digest_is_a_bad_command_line(self) -> None:
        result = run("predict", "--uri", "gs://bucket/model", *FLAGS)
        assert result.exit_code == 2
        assert "must be pinned" in result.stderr


class TestPredictFile:
    def test_csv_keeps_its_columns_and_marks_bad_rows(self, bundle: PublishedBundle, tmp_path: Path) -> None:
        file = tmp_path / "birds.csv"
        file.write_text(f"ring,{HEADER}\nA1,{GOOD}\nA2,,{GOOD.partition(',')[2]}\n\nA3,{GOOD}\nA4,1\n")
        result = run("predict", *model(bundle), str(file))
        assert result.exit_code == 1
        rows = list(csv.DictReader(StringIO(result.stdout)))
        assert [row["ring"] for row in rows] == ["A1", "A2", "A3", "A4"]
        assert [row["prediction"] for row in rows] == ["Adelie", "", "Adelie", ""]
        assert rows[1]["error"] == "bill_length_mm: Is required."
        assert float(rows[0]["probability"]) == float(rows[0]["probability_Adelie"])
        assert "2 of 4 rows could not be scored" in result.stderr

    def test_ndjson_gives_a_line_for_each_line(self, bundle: PublishedBundle) -> None:
        lines = [json.dumps(EXAMPLE), "{", json.dumps({**EXAMPLE, "sex": 1}), json.dumps(EXAMPLE)]
        result = run("predict", *model(bundle), "-", stdin="\n".join(lines))
        assert result.exit_code == 1
        answers = [json.loads(line) for line in result.stdout.splitlines()]
        assert [answer.get("prediction") for answer in answers] == ["Adelie", None, None, "Adelie"]
        assert answers[2]["error"]["errors"][0]["pointer"] == "/sex"

    def test_all_good_is_status_0(self, bundle: PublishedBundle, tmp_path: Path) -> None:
        file = tmp_path / "birds.csv"
        file.write_text(f"{HEADER}\n" + f"{GOOD}\n" * 2500)
        result = run("predict", *model(bundle), str(file))
        assert (result.exit_code, result.stderr) == (0, "")
        assert len(result.stdout.splitlines()) == 2501

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"a,b\n1,2\n", "the header lacks bill_length_mm"),
            (f"{HEADER},sex\n".encode(), "names sex more than once"),
            (f"{HEADER.replace(',', ', ')}\n".encode(), "it has: 'bill_length_mm', ' bill_depth_mm'"),
            (f"{HEADER},prediction\n".encode(), "already has a column 'prediction'"),
            (f"{HEADER}\n".encode() + b"\xff\n", "is not UTF-8"),
            (b"{" + b" " * 1024 * 1024 + b"}", "is longer than"),
        ],
    )
    def test_a_file_that_is_no_table_is_refused(
        self, bundle: PublishedBundle, tmp_path: Path, content: bytes, message: str
    ) -> None:
        file = tmp_path / "file"
        file.write_bytes(content)
        result = run("predict", *model(bundle), str(file))
        assert result.exit_code == 1
        assert message in result.stderr

    def test_a_file_and_measurements_do_not_go_together(self, bundle: PublishedBundle, tmp_path: Path) -> None:
        file = tmp_path / "birds.csv"
        file.write_text(HEADER)
        assert run("predict", *model(bundle), str(file), *FLAGS).exit_code == 2
        assert run("predict", *model(bundle), str(tmp_path / "none.csv")).exit_code == 2


class TestPublish:
    def test_train_publish_and_predict_go_together(self, tmp_path: Path) -> None:
        trained = run("train", "--to", str(tmp_path / "models"), env={"SOURCE_DATE_EPOCH": "1767323045"})
        assert trained.exit_code == 0, trained.stderr
        assert "cv_accuracy 0.99" in trained.stderr
        published = run("publish", "--from", str(tmp_path / "models"), "--to", str(tmp_path / "root"))
        assert published.exit_code == 0, published.stderr
        env = dict(line.split("=", 1) for line in published.stdout.splitlines())
        assert list(env) == ["MODEL_URI", "MODEL_DIGEST"]
        assert env["MODEL_URI"].endswith("root/20260102-030405-" + env["MODEL_URI"][-8:])
        again = run("publish", "--from", str(tmp_path / "models"), "--to", str(tmp_path / "root"))
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

    def test_a_time_that_is_none_is_a_bad_command_line(self, tmp_path: Path) -> None:
        result = run("train", "--to", str(tmp_path), env={"SOURCE_DATE_EPOCH": "yesterday"})
        assert result.exit_code == 2
        assert "SOURCE_DATE_EPOCH is 'yesterday'" in result.stderr


class TestOperations:
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
    def test_a_limit_that_nothing_can_exceed_is_a_bad_command_line(self, arguments: list[str], number: str) -> None:
        result = run(*arguments, number, env={"MODEL_URI": "models"})
        assert (result.exit_code, result.stdout) == (2, "")

    @pytest.mark.parametrize("token", ["zq7secret\nzq7", "zq7secret zq7", "zq7secret€"])
    def test_a_token_that_is_none_is_refused_and_not_shown(self, bundle: PublishedBundle, token: str) -> None:
        smoke = ["smoke", self.URL, "--digest", bundle.digest, "--golden", str(bundle.folder)]
        for arguments in (smoke, ["agreement", self.URL, self.URL]):
            result = run(*arguments, env={"IDENTITY_TOKEN": token})
            assert (result.exit_code, result.exception.__class__) == (2, SystemExit)
            assert "IDENTITY_TOKEN is not a token" in result.stderr
            assert "zq7" not in result.output


class TestStreams:
    """Results that nobody takes: a full disk, a reader that has seen enough, streams closed from the start."""

    def shell(self, command: str, bundle: PublishedBundle) -> subprocess.CompletedProcess[str]:
        predict = f"'{sys.executable}' -m predictor predict"
        return subprocess.run(
            ["bash", "-c", command.replace("PREDICT", predict)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, **bundle.env},
        )

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "birds.csv"
        file.write_text(f"{HEADER}\n" + f"{GOOD}\n" * 20_000)
        return file

    @pytest.mark.parametrize("rows", [1, 20_000])
    def test_a_result_that_cannot_be_written_is_one_line_and_status_1(
        self, bundle: PublishedBundle, file: Path, rows: int
    ) -> None:
        result = self.shell(f"head -n {rows + 1} '{file}' | PREDICT - > /dev/full", bundle)
        assert (result.returncode, result.stderr) == (1, "error: No space left on device\n")

    def test_a_reader_that_has_seen_enough_is_no_trouble(self, bundle: PublishedBundle, file: Path) -> None:
        result = self.shell(f"PREDICT '{file}' | head -n 1", bundle)
        assert (result.stdout.count("\n"), result.stderr) == (1, "")

    def test_a_closed_input_is_an_empty_one(self, bundle: PublishedBundle) -> None:
        result = self.shell("PREDICT <&-", bundle)
        assert result.returncode == 1
        assert result.stderr.startswith("error: This is not valid JSON")

    def test_a_closed_output_is_written_to_nowhere(self, bundle: PublishedBundle, file: Path) -> None:
        result = self.shell(f"PREDICT '{file}' >&-", bundle)
        assert (result.returncode, result.stderr) == (0, "")
