import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from tests.support.bundles import EXAMPLE, PublishedBundle
from tests.support.cli import FLAGS, GOOD, HEADER, model, run


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

    def test_the_digest_of_the_environment_does_not_pin_another_model(self, bundle: PublishedBundle) -> None:
        pinned = {"MODEL_URI": "elsewhere", "MODEL_DIGEST": "sha256:" + "0" * 64}
        assert run("predict", "--uri", str(bundle.folder), *FLAGS, env=pinned).exit_code == 0

    def test_every_violation_is_listed_in_one_line(self, bundle: PublishedBundle) -> None:
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

    def test_an_option_for_every_feature_is_in_the_help(self) -> None:
        text = " ".join(run("predict", "--help").stdout.split())
        assert (
            "--bill-length-mm FLOAT RANGE" not in text
        )  # A value out of range is invalid input, not a bad command line.
        assert "--bill-length-mm FLOAT 20 to 160 mm. --bill-depth-mm FLOAT 5 to 50 mm." in text
        assert "--sex [male|female] --island [Biscoe|Dream|Torgersen]" in text

    def test_the_options_that_are_missing_are_listed(self, bundle: PublishedBundle) -> None:
        result = run("predict", *model(bundle), "--sex", "male", "--island", "Dream")
        assert result.exit_code == 2
        assert "also give --bill-length-mm, --bill-depth-mm, --flipper-length-mm, --body-mass-g" in result.stderr


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
        assert result.stderr.splitlines() == [
            "read as CSV: ignored: ring",
            "2 of 4 rows are invalid; each has an error in the output",
        ]

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
            (f"{HEADER.replace('_g', '_stone')}\n".encode(), "'body_mass_stone' names no unit that is known"),
            (b"", "the file is empty"),
            (f"{HEADER}\n".encode(), "the file has no rows"),
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
