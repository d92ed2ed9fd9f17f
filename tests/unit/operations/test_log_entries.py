from datetime import UTC, datetime
from typing import Any

from predictor.operations.log_entries import mixes, refused

STEP = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


def _summary(since: str, groups: dict[str, dict[str, int]], flagged: int) -> dict[str, Any]:
    rows = sum(sum(group.values()) for group in groups.values())
    payload = {"event": "traffic_summary", "since": since, "rows": rows, "flagged": flagged, "groups": groups}
    return {"jsonPayload": payload}


def test_only_answers_429_are_counted() -> None:
    entries = [{"httpRequest": {"status": 429}}, {"httpRequest": {"status": 200}}, {"jsonPayload": {"event": "x"}}]
    assert refused({"entries": entries}) == 1
    assert refused({}) == 0


def test_summaries_are_added_and_those_that_began_before_the_step_are_left_out() -> None:
    later = "2026-11-24T12:00:31+00:00"
    answer = {
        "entries": [
            _summary(later, {"Adelie": {"male": 3, "female": 4}, "Gentoo": {"male": 1}}, 2),
            _summary(later, {"Adelie": {"male": 2}}, 0),
            _summary("2026-11-24T12:00:29+00:00", {"Chinstrap": {"male": 100}}, 100),
            {"jsonPayload": {"event": "model_loaded"}},
        ]
    }
    assert mixes(answer, STEP) == {
        "prediction": {"Adelie": 9, "Gentoo": 1},
        "in_distribution": {"false": 2, "true": 8},
    }


def test_a_function_that_writes_no_summaries_has_no_mixes() -> None:
    assert mixes({"entries": [{"httpRequest": {"status": 429}}]}, STEP) == {}
