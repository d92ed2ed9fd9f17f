"""Tables as text: every value is there, and a cell is empty where nothing was measured."""

from pathlib import Path

import pytest

from benchmarks import tables
from benchmarks.paths import PERFORMANCE_PAGE
from benchmarks.results import Results


@pytest.fixture
def results() -> Results:
    found = Results(rounds=2, turn_s=1.0)
    for name, rps in (("echo", 10_000.0), ("ours", 7500.0)):
        for turn in range(2):
            found.add(name, "rps_8", rps + turn)
            found.add(name, "cold_ms", 300.0)
            found.add(name, "batch_1_ms", 0.2)
            found.add(name, "rows_per_s_1", 5000.0)
    found.skipped["bentoml"] = "no wheel"
    return found


def test_a_contender_has_a_line_and_blanks_for_what_was_not_measured(results: Results) -> None:
    head, echo, ours = tables.align(tables.contenders(results)).splitlines()
    assert head.split() == [word for heading, _, _ in tables.COLUMNS for word in heading.split()]
    assert echo.split() == ["echo", "10,000", "300"]
    assert ours.split() == ["ours", "7,500", "300"]  # Half-way between 7,500 and 7,501, rounded to even.


def test_batches_give_cost_and_rows_per_second(results: Results) -> None:
    rows = tables.batches(results, (1, 10))
    assert rows[1] == ["echo", "200.0 (5,000)", ""]
    assert len(rows) == 3


def test_contenders_that_failed_or_were_left_out_are_named(results: Results) -> None:
    results.add("echo", "failures", 0)
    results.add("ours", "failures", 2)
    results.add("ours", "failures", 1)
    assert tables.notes(results) == ["ours: 3 requests failed", "left out: bentoml: no wheel"]


def test_goals_are_reached_missed_or_not_measured(results: Results) -> None:
    results.samples["ours"]["rps_8"] = [6000.0, 6000.0]
    rows = tables.goals(results)
    assert rows[1][1:] == [">= 0.85", "0.6 [0.6-0.6]", "MISSED"]
    assert {row[3] for row in rows[1:]} == {"MISSED", "reached", "not measured"}


def test_a_runs_tables_replace_those_between_the_marks(results: Results, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    text = PERFORMANCE_PAGE.read_text()
    page.write_text(text)
    tables.write_document(results, page)
    once = page.read_text()
    tables.write_document(results, page)
    assert page.read_text() == once
    assert tables.align(tables.contenders(results)) in once
    assert once.startswith(text.partition("<!-- figures")[0])
    assert once.endswith(text.partition("<!-- end of figures -->")[2])


def test_a_page_without_marks_is_left_alone(results: Results, tmp_path: Path) -> None:
    page = tmp_path / "other.md"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="needs the lines"):
        tables.write_document(results, page)
    assert page.read_text() == "no marks"
