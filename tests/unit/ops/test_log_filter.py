"""The evaluator of filters that the tests of `ops/` rest on."""

from typing import Any

import pytest

from tests.support.log_filter import FilterError, parse

ENTRY: dict[str, Any] = {
    "severity": "WARNING",
    "resource": {"type": "cloud_run_revision"},
    "jsonPayload": {"event": "slow_request", "status": 200, "age_s": 0.5},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('resource.type="cloud_run_revision"', True),
        ('resource.type="CLOUD_RUN_REVISION"', True),
        ('resource.type="gae_app"', False),
        ('jsonPayload.event="slow_request" AND severity>=WARNING', True),
        ('jsonPayload.event="slow_request" AND severity>=ERROR', False),
        ('jsonPayload.event=("request" OR "slow_request")', True),
        ('jsonPayload.event=("request" OR "model_loaded")', False),
        ('NOT jsonPayload.event="request"', True),
        ('(severity>=ERROR OR jsonPayload.event="slow_request") AND jsonPayload.status=200', True),
        ("jsonPayload.age_s>=0.5", True),
        ("jsonPayload.age_s>=0.6", False),
        ("jsonPayload.nothing>=0", False),
        ('jsonPayload.nothing="x"', False),
        ('jsonPayload.event.deeper="x"', False),
    ],
)
def test_it_matches_as_cloud_logging_does(text: str, expected: bool) -> None:
    assert parse(text).matches(ENTRY) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        'resource.type=="x"',
        'resource.type="x" AND',
        'resource.type="x" OR a="b" AND c="d"',
        '(resource.type="x"',
        'resource.type="x")',
        'resource.type="x',
        "= x",
        'a=("b" AND "c")',
        'a:"b"',
    ],
)
def test_it_refuses_what_it_does_not_understand(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text)


def test_it_tells_the_fields_it_reads() -> None:
    assert parse('a.b="c" AND NOT (d>=1 OR e="f")').fields == {"a.b", "d", "e"}
