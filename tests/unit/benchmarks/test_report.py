"""The HTML report: it loads nothing, escapes what it shows, and plots what was measured."""

import re
from copy import deepcopy
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.report import render, write_report
from benchmarks.results import Results


@pytest.fixture(scope="module")
def results() -> Results:
    """Read only."""
    found = Results(rounds=2, turn_s=1.0, titles={"ours": "this <function>", "echo": "echo"})
    for name, rps in (("echo", 10_000.0), ("ours", 7500.0)):
        for turn in range(2):
            found.add(name, "rps_8", rps + turn)
            found.add(name, "cold_ms", 300.0)
            found.add(name, "cold_import_ms", 250.0)
            found.add(name, "cold_boot_ms", 50.0)
            found.add(name, "batch_1_ms", 0.2)
            found.add(name, "rows_per_s_1", 5000.0)
            for percent in range(101):
                found.add(name, f"p{percent}_8_ms", 0.1 * (percent + 1))
    found.skipped["bentoml"] = "no wheel for this <Python>"
    return found


@pytest.fixture(scope="module")
def page(results: Results) -> str:
    return render(results)


@pytest.fixture
def other(results: Results) -> Results:
    """To be changed."""
    return deepcopy(results)


def test_the_report_loads_nothing_and_escapes_what_it_shows(results: Results, tmp_path: Path) -> None:
    page = write_report(results, tmp_path).read_text()
    assert not re.search(r"""(src|href)=["'](?!#)|url\((?!#)|@import""", page)
    assert "this &lt;function&gt;" in page
    assert "no wheel for this &lt;Python&gt;" in page
    assert "<function>" not in page


def test_the_same_run_gives_the_same_report(results: Results, page: str) -> None:
    assert render(results) == page


def test_every_plot_is_well_formed_and_names_the_contenders(page: str) -> None:
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(plots) == 5  # Requests, latency, cold start, its phases, batches.
    for plot in plots:
        text = "".join(ElementTree.fromstring(plot).itertext())  # noqa: S314  Our own words.
        assert "echo" in text
        assert "ours" in text


def test_a_bar_is_labelled_with_its_median(other: Results) -> None:
    other.samples["ours"]["cold_ms"] = [100.0, 1234.0, 5000.0]
    assert "1,234" in render(other)


def test_values_that_are_all_zero_are_plotted(other: Results) -> None:
    for samples in other.samples.values():
        samples["rps_8"] = samples["p50_8_ms"] = [0.0, 0.0]
    assert "<svg" in render(other)


def test_nothing_measured_is_nothing_plotted() -> None:
    assert "<svg" not in render(Results(rounds=1))
