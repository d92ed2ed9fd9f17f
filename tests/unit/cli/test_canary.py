import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundles import PublishedBundle
from tests.support.cli import run

STEP, BEFORE, AFTER = "2026-11-24T12:00:30Z", "2026-11-24T12:00:00.001Z", "2026-11-24T12:01:00.001Z"
BUCKETS = {"explicitBuckets": {"bounds": [10, 20]}}


def _series(statuses: dict[int, int], start: str = AFTER) -> dict[str, Any]:
    """The bucket is that of 20 ms."""
    series = []
    for status, count in statuses.items():
        distribution = {"bucketOptions": BUCKETS, "bucketCounts": ["0", str(count)]}
        value = {"int64Value": str(count), "distributionValue": distribution}
        points = [{"interval": {"startTime": start, "endTime": start}, "value": value}]
        series.append({"metric": {"labels": {"response_code": str(status)}}, "points": points})
    return {"timeSeries": series}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for colour in ("blue", "green"):
        for name in ("requests", "latencies", "log"):
            (tmp_path / f"{colour}-{name}.json").write_text("{}")
    return tmp_path


def _save(folder: Path, colour: str, answer: dict[str, Any]) -> None:
    (folder / f"{colour}-requests.json").write_text(json.dumps(answer))
    (folder / f"{colour}-latencies.json").write_text(json.dumps(answer))


def _ask(folder: Path, bundle: PublishedBundle, *more: str) -> Any:
    since = ["--blue-since", STEP, "--green-since", STEP]
    model = ["--digest", bundle.digest, "--golden", str(bundle.folder), "--url", "http://127.0.0.1:1"]
    return run("canary", str(folder), "--blue", "p-1", "--green", "p-2", *since, *model, *more)


def test_a_green_that_is_as_good_passes_with_a_table(folder: Path, bundle: PublishedBundle) -> None:
    _save(folder, "blue", _series({200: 5000}))
    _save(folder, "green", _series({200: 300}))
    result = _ask(folder, bundle)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split() == ["p-1", "p-2", "ALLOWED", "P", "VERDICT"]
    assert result.stdout.splitlines()[-1].startswith("p-2 is not worse than p-1")


def test_a_green_that_is_worse_fails_with_the_figures_in_the_last_line(folder: Path, bundle: PublishedBundle) -> None:
    _save(folder, "blue", _series({200: 5000}))
    _save(folder, "green", _series({200: 150, 404: 150}))
    result = _ask(folder, bundle)
    assert result.exit_code == 1
    assert "4xx (not 429): 50.00% (150 of 300) of its requests" in result.stderr.splitlines()[-1]


def test_refused_requests_in_the_log_count_too(folder: Path, bundle: PublishedBundle) -> None:
    _save(folder, "blue", _series({200: 5000}))
    _save(folder, "green", _series({200: 300}))
    (folder / "green-log.json").write_text(json.dumps({"entries": [{"httpRequest": {"status": 429}}] * 100}))
    result = _ask(folder, bundle)
    assert result.exit_code == 1
    assert "429: 25.00% (100 of 400)" in result.stderr.splitlines()[-1]


def test_where_requests_are_missing_green_itself_is_asked(folder: Path, bundle: PublishedBundle) -> None:
    """Nobody listens at that port."""
    _save(folder, "green", _series({200: 300}, BEFORE))
    result = _ask(folder, bundle)
    assert result.exit_code == 1
    assert "p-2 had 0 requests: sending 200 more to http://127.0.0.1:1" in result.stderr
    assert "http://127.0.0.1:1" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("instant", ["yesterday", "2026-11-24T12:00:30"])
def test_an_instant_without_a_time_zone_is_a_wrong_command_line(
    folder: Path, bundle: PublishedBundle, instant: str
) -> None:
    result = _ask(folder, bundle, "--blue-since", instant)
    assert (result.exit_code, "is not a moment such as" in result.stderr) == (2, True)
