"""Puts a run's tables into docs/explanation/performance.md, between two marks; nobody types figures by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import table
from benchmarks.contenders.contender import ROOT
from benchmarks.goals import Verdict
from benchmarks.lab import BATCHES
from benchmarks.results import Results

DOCUMENT: Final = ROOT / "docs" / "explanation" / "performance.md"
_BEGIN: Final = "<!-- figures: written by `python -m benchmarks --document` -->\n"
_END: Final = "<!-- end of figures -->\n"


def write(results: Results, verdicts: Sequence[Verdict], path: Path = DOCUMENT) -> None:
    """Replace what stands between the marks. Raises `ValueError` where they are missing."""
    before, begin, rest = path.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{path} lacks the marks for the figures")
    path.write_text(before + begin + section(results, verdicts) + end + after)


def section(results: Results, verdicts: Sequence[Verdict]) -> str:
    """The run as Markdown."""
    machine = ", ".join(f"{key} {value}" for key, value in results.machine.items())
    parts = [
        f"\n{results.started}: {results.rounds} rounds, turns of {results.window_s:g} s; {machine}.\n",
        table.contenders(results),
        table.batches(results, BATCHES),
        table.goals(verdicts),
    ]
    skipped = [f"Left out: {name}: {reason}\n" for name, reason in results.skipped.items()]
    return "\n".join([parts[0], *(f"```\n{part}\n```\n" for part in parts[1:]), *skipped])
