"""The command `drift`: log files in, a report out, status 1 on an alarm."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from predictor.penguin import Penguin
from predictor.training.dataset import Dataset, LabelledRow, load_penguins
from predictor.trust.reference import Reference
from tests.support.bundles import PublishedBundle
from tests.support.cli import model, run
from tests.support.traffic import OTHER_DIGEST, bundle_with_reference, counted, line, log_entries, plain_lines


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedBundle:
    return bundle_with_reference(tmp_path_factory.mktemp("with-reference"))


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_penguins()


@pytest.fixture(scope="module")
def reference(published: PublishedBundle) -> Reference:
    return Reference.from_bytes((published.folder / "reference.json").read_bytes())


class Traffic:
    """Log lines about this model."""

    def __init__(self, reference: Reference, digest: str, rows: Sequence[LabelledRow]) -> None:
        self._reference = reference
        self._digest = digest
        self._rows = rows

    def day(self, day: int, mass_factor: float = 1.0, **changes: Any) -> dict[str, Any]:
        penguins = [
            Penguin.model_validate({**row.penguin.model_dump(), "body_mass_g": mass_factor * row.penguin.body_mass_g})
            for row in self._rows
        ]
        fields = counted(self._reference, penguins, [row.label for row in self._rows])
        return line({**fields, **changes}, day, self._digest)


@pytest.fixture(scope="module")
def traffic(reference: Reference, published: PublishedBundle, dataset: Dataset) -> Traffic:
    return Traffic(reference, published.digest, dataset.rows)


def test_unchanged_traffic_is_status_0(tmp_path: Path, published: PublishedBundle, traffic: Traffic) -> None:
    log = tmp_path / "log.json"
    log.write_bytes(log_entries([traffic.day(day) for day in range(3)]))
    done = run("drift", str(log), *model(published))
    assert done.exit_code == 0, done.output
    assert "999 penguins in 3 summaries, 2026-11-02 12:00 to 2026-11-04 12:01 UTC" in done.stdout
    assert "ALARM" not in done.stdout
    assert [row.split()[0] for row in done.stdout.splitlines()[5:10]] == [
        *("2026-11-02", "2026-11-03", "2026-11-04"),
        *("2026-W45", "2026-11"),
    ]


def test_a_change_is_status_1_and_the_last_line_says_in_what_and_when(
    tmp_path: Path, published: PublishedBundle, traffic: Traffic
) -> None:
    good, bad = tmp_path / "1.log", tmp_path / "2.log"
    good.write_bytes(plain_lines([traffic.day(0)]))
    bad.write_bytes(plain_lines([traffic.day(1, mass_factor=0.9)]))
    page = tmp_path / "drift.html"
    done = run("drift", str(good), str(bad), "--html", str(page), *model(published))
    assert done.exit_code == 1
    *_, last = done.stderr.splitlines()
    assert last == (
        "error: traffic has changed: measurements in the day 2026-11-03; measurements in the week 2026-W45;"
        " measurements in the month 2026-11"
    )
    assert done.stdout.count("ALARM") == 3
    text = page.read_text()
    assert text.count("<svg") == 9
    assert "Changed: measurements in the day 2026-11-03" in text
    assert not re.search(r"""(?:src|href)=['"](?!#)|@import|url\((?!#)""", text), "it loads something"


def test_the_json_has_every_number_of_the_table(tmp_path: Path, published: PublishedBundle, traffic: Traffic) -> None:
    feedback = {"pairs": {"Gentoo": {"Gentoo": 30}}, "with_sets": 30, "covered": 29}
    log = tmp_path / "log.json"
    log.write_bytes(log_entries([traffic.day(0, feedback=feedback)]))
    done = run("drift", str(log), "--json", *model(published))
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["alarms"] == []
    assert document["model_digest"] == published.digest
    assert [item["kind"] for item in document["periods"]] == ["day", "week", "month"]
    day = document["periods"][0]
    assert day["log10_threshold"] == pytest.approx(4.56, abs=0.01)
    assert day["measurements"]["body_mass_g"]["shift"] == pytest.approx(0, abs=0.01)
    (accuracy,) = document["live_accuracy"]
    assert accuracy["accuracy"]["counted"] == 30
    assert accuracy["coverage"]["counted"] == 29
    assert document["coverage"] == 0.95


def test_feedback_is_reported_with_exact_intervals(
    tmp_path: Path, published: PublishedBundle, traffic: Traffic
) -> None:
    feedback = {"pairs": {"Gentoo": {"Gentoo": 30}}, "with_sets": 30, "covered": 29}
    log = tmp_path / "log.json"
    log.write_bytes(log_entries([traffic.day(0, feedback=feedback)]))
    done = run("drift", str(log), *model(published))
    assert "30 of 30 (88.4 to 100.0 %) predicted correctly" in done.stdout
    assert "29 of 30 (82.8 to 99.9 %) in the prediction set; promised: 95 %" in done.stdout


def test_since_leaves_out_what_is_older(tmp_path: Path, published: PublishedBundle, traffic: Traffic) -> None:
    log = tmp_path / "log.json"
    log.write_bytes(log_entries([traffic.day(0, mass_factor=0.8), traffic.day(8)]))
    assert run("drift", str(log), *model(published)).exit_code == 1
    assert run("drift", str(log), "--since", "2026-11-05", *model(published)).exit_code == 0
    assert run("drift", str(log), "--since", "1h", *model(published)).exit_code == 1


def test_lines_of_another_model_are_named_and_decide_nothing(
    tmp_path: Path, published: PublishedBundle, traffic: Traffic
) -> None:
    other = {**traffic.day(1, mass_factor=0.8), "model_digest": OTHER_DIGEST}
    log = tmp_path / "log.json"
    log.write_bytes(plain_lines([traffic.day(0), other]))
    done = run("drift", str(log), *model(published))
    assert done.exit_code == 0, done.output
    assert f"1 summaries are of another model, {OTHER_DIGEST}" in done.stderr
    log.write_bytes(plain_lines([other]))
    done = run("drift", str(log), *model(published))
    assert done.exit_code == 1
    assert f"they are of {OTHER_DIGEST}: name that model with --uri" in done.stderr


def test_it_reads_stdin(published: PublishedBundle, traffic: Traffic) -> None:
    assert run("drift", "-", *model(published), stdin=plain_lines([traffic.day(0)])).exit_code == 0


def test_files_without_summaries_and_models_without_a_reference_are_one_line(
    tmp_path: Path, published: PublishedBundle, bundle: PublishedBundle
) -> None:
    empty = tmp_path / "empty.log"
    empty.write_bytes(b"")
    done = run("drift", str(empty), *model(published))
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"error: there is no traffic_summary of the model {published.digest} in these files" in done.stderr
    done = run("drift", str(empty), *model(bundle))
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert "reference.json" in done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["--since", "yesterday", "-"], ["--since", "0d", "-"], ["nowhere.log"]], ids=" ".join
)
def test_a_bad_command_line_is_status_2(arguments: list[str]) -> None:
    assert run("drift", *arguments).exit_code == 2
