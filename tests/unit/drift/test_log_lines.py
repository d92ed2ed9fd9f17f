"""Log files as people have them: exports, plain lines, other programs' lines, and lines in two files."""

import io
import json
from typing import Any

import pytest

from predictor.drift.log_lines import Source, read_summaries
from predictor.errors import UnusableFile
from tests.support.traffic import line, log_entries, plain_lines

SUMMARIES = [line({"summary_id": name, "rows": 10}, day=day) for day, name in enumerate("abc")]


def read(*contents: bytes) -> list[str]:
    sources = [Source(f"file{place}", io.BytesIO(content)) for place, content in enumerate(contents)]
    return [summary.summary_id for summary in read_summaries(sources)]


def test_exports_of_gcloud_and_plain_lines_give_the_same() -> None:
    assert read(log_entries(SUMMARIES)) == read(plain_lines(SUMMARIES)) == ["a", "b", "c"]


def test_an_export_as_lines_is_read_too() -> None:
    assert read(plain_lines([{"jsonPayload": one} for one in SUMMARIES])) == ["a", "b", "c"]


def test_a_line_in_two_files_counts_once_and_order_does_not_matter() -> None:
    assert read(plain_lines(SUMMARIES[1:]), log_entries(SUMMARIES[:2])) == ["a", "b", "c"]


def test_other_lines_are_skipped() -> None:
    others: list[dict[str, Any]] = [
        {"event": "request", "status": 200},
        {"textPayload": "Booting worker"},
        {"jsonPayload": "text"},
    ]
    noise = b"Booting worker\n\n{not json}\n[]x\n"
    assert read(plain_lines(others) + noise + plain_lines(SUMMARIES)) == ["a", "b", "c"]
    assert read(log_entries([*others, *SUMMARIES])) == ["a", "b", "c"]
    assert read(json.dumps([1, None, "text"]).encode()) == []
    assert read(b"") == []


def test_an_export_that_was_cut_off_is_refused() -> None:
    with pytest.raises(UnusableFile, match="file0 begins like a JSON array, but is none"):
        read(log_entries(SUMMARIES)[:-5])


@pytest.mark.parametrize(
    ("change", "where"),
    [({"rows": None}, "counts.rows"), ({"until": "yesterday"}, "until")],
    ids=["rows", "until"],
)
def test_a_summary_that_cannot_be_read_is_named_with_its_place(change: dict[str, Any], where: str) -> None:
    with pytest.raises(UnusableFile, match=f"^file0: line 2: not a traffic_summary of this version: {where}: "):
        read(plain_lines([SUMMARIES[0], {**SUMMARIES[1], **change}]))
