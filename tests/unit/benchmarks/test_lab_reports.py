"""Tables, plots and the page: every figure is there, and what is not measured is not made up."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import document, svg, table
from benchmarks.figures import Spread
from benchmarks.goals import judge
from benchmarks.report import render, write_report
from benchmarks.results import Results


@pytest.fixture
def results() -> Results:
    found = Results(rounds=2, window_s=1.0, titles={"ours": "this <function>", "echo": "echo"})
    for name, rps in (("echo", 10_000.0), ("ours", 7500.0)):
        for turn in range(2):
            found.add(name, "rps_8", rps + turn)
            found.add(name, "cold_ms", 300.0)
            found.add(name, "cold_import_ms", 250.0)
            found.add(name, "cold_boot_ms", 50.0)
            found.add(name, "batch_1_ms", 0.2)
            found.add(name, "rows_per_s_1", 5000.0)
        found.latencies_ms[name] = {"8": [0.1 * (i + 1) for i in range(101)]}
    found.skipped["bentoml"] = "no wheel for this <Python>"
    return found


def test_the_table_has_a_line_per_contender_and_blanks_for_what_was_not_measured(results: Results) -> None:
    head, echo, ours = table.contenders(results).splitlines()
    assert head.split() == [word for heading, _, _ in table.COLUMNS for word in heading.split()]
    assert echo.split() == ["echo", "10,000", "300"]
    assert ours.split() == ["ours", "7,500", "300"]  # Half-way between 7,500 and 7,501, rounded to even.


def test_batches_give_cost_and_rows_per_second(results: Results) -> None:
    lines = table.batches(results, (1, 10)).splitlines()
    assert "200.0 (5,000)" in lines[1]
    assert len(lines) == 3


def test_who_failed_to_answer_is_named(results: Results) -> None:
    assert table.failures(results) == ""
    results.add("echo", "failures", 0)
    results.add("ours", "failures", 2)
    results.add("ours", "failures", 1)
    assert table.failures(results) == "ours: 3 requests failed"
    assert "ours: 3 requests failed" in render(results, judge(results))


def test_goals_say_reached_missed_or_not_measured(results: Results) -> None:
    results.samples["ours"]["rps_8"] = [6000.0, 6000.0]
    text = table.goals(judge(results))
    assert "MISSED" in text.splitlines()[1]
    assert "0.6 [0.6-0.6]" in text.splitlines()[1]
    assert "reached" in text
    assert "not measured" in text


def test_the_page_is_self_contained_and_escapes_what_it_shows(results: Results, tmp_path: Path) -> None:
    page = write_report(results, judge(results), tmp_path).read_text()
    assert not re.search(r"(src|href)=|url\(|@import", page)
    assert "this &lt;function&gt;" in page
    assert "no wheel for this &lt;Python&gt;" in page
    assert "<function>" not in page
    assert page == render(results, judge(results))


def test_every_plot_is_well_formed(results: Results) -> None:
    plots = re.findall(r"<svg.*?</svg>", render(results, judge(results)), re.DOTALL)
    assert len(plots) >= 4
    for plot in plots:
        ElementTree.fromstring(plot)  # noqa: S314  Our own words.


def test_a_longer_bar_is_a_larger_value() -> None:
    plot = ElementTree.fromstring(  # noqa: S314
        svg.bars([svg.Bar("a", Spread(10, 9, 11, 3)), svg.Bar("b", Spread(5, 5, 5, 3))], "x")
    )
    first, second = (float(rect.attrib["width"]) for rect in plot.iter("rect"))
    assert first == pytest.approx(2 * second, rel=0.01)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_bars_of_nothing_but_zeros_are_drawn(logarithmic: bool) -> None:
    assert "<svg" in svg.bars([svg.Bar("a", Spread(0, 0, 0, 1))], "x", logarithmic=logarithmic)


def test_a_long_legend_goes_on_in_the_next_row_and_stays_inside() -> None:
    lines = [svg.Line(f"contender number {number}", [(1, 1), (2, 2)]) for number in range(10)]
    plot = ElementTree.fromstring(svg.lines(lines, "x", "y"))  # noqa: S314
    width = float(plot.attrib["viewBox"].split()[2])
    boxes = [(float(rect.attrib["x"]), float(rect.attrib["y"])) for rect in plot.iter("rect")]
    assert len(set(boxes)) == 10
    assert len({y for _, y in boxes}) > 1
    assert max(x for x, _ in boxes) < width - 100


def test_plots_of_nothing_are_nothing() -> None:
    assert svg.bars([], "x") == svg.stacked([], "x") == svg.lines([], "x", "y") == ""


def test_results_come_back_from_their_file(results: Results, tmp_path: Path) -> None:
    assert Results.read(results.save(tmp_path)) == results


def test_a_runs_tables_replace_those_between_the_marks(results: Results, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    text = document.DOCUMENT.read_text()
    page.write_text(text)
    document.write(results, judge(results), page)
    once = page.read_text()
    document.write(results, judge(results), page)
    assert page.read_text() == once
    assert table.contenders(results) in once
    assert once.startswith(text.partition("<!-- figures")[0])
    assert once.endswith(text.partition("<!-- end of figures -->")[2])


def test_a_page_without_marks_is_left_alone(results: Results, tmp_path: Path) -> None:
    page = tmp_path / "other.md"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="marks"):
        document.write(results, [], page)
    assert page.read_text() == "no marks"
