"""From a benchmark's results to the figures that capacity planning reads."""

from pathlib import Path

import pytest

from benchmarks.capacity import capacity_figures, main
from benchmarks.results import Results
from predictor.operations.capacity import Figures


def results() -> Results:
    found = Results(rounds=3, turn_s=1.0, started="2026-01-02T03:04:05Z")
    found.machine = {"processor": "a processor", "cores": "4", "python": "3.13.0"}
    for rps, p99_ms, cold_ms, memory_mib in ((3000, 5, 700, 90), (3200, 6, 800, 100), (3100, 9, 900, 110)):
        found.add("ours-deployed", "rps_per_vcpu_8", rps)
        found.add("ours-deployed", "p99_8_ms", p99_ms)
        found.add("ours-deployed", "cold_ms", cold_ms)
        found.add("ours-deployed", "loaded_pss_mib", memory_mib)
    return found


def test_figures_are_the_medians_of_a_run_with_its_date_and_machine() -> None:
    assert capacity_figures(results()) == Figures(
        requests_per_s_per_vcpu=3100,
        p99_ms=6,
        cold_start_ms=800,
        memory_mb=104.9,  # 100 times 1024 * 1024 bytes.
        date="2026-01-02",
        machine="4 cores, a processor, Python 3.13.0",
        command="python -m benchmarks, medians of 3 rounds, 8 connections",
    )


def test_they_are_written_so_that_planning_reads_them(tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    assert main([str(results().save(tmp_path)), "--to", str(target)]) == 0
    assert Figures.from_file(target) == capacity_figures(results())


def test_a_run_that_lacks_a_part_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    incomplete = results()
    del incomplete.samples["ours-deployed"]["cold_ms"]
    assert main([str(incomplete.save(tmp_path)), "--to", str(tmp_path / "figures.json")]) == 1
    assert capsys.readouterr().err == "cold_ms of ours-deployed is not measured: run with --parts start,serve,memory\n"
    assert not (tmp_path / "figures.json").exists()
