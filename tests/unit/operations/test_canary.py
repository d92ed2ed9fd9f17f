import math
import random
from collections import Counter
from collections.abc import Mapping

import pytest

from predictor.operations.canary import Limits, Observed, Outcome, Verdict, judge, sentences, table
from predictor.operations.time_series import Latencies
from tests.support.processes import PROJECT

LIMITS = Limits(minimum=200, error=0.01, steps=4, share=0.01, mix=0.01)
BLUE, GREEN = "predict-00001-abc", "predict-00002-abc"
FAST = {10.0: 880, 20.0: 90, 40.0: 25, 80.0: 5}
"""Latencies of a thousand requests; the p99 is 40 ms."""


def _verdict(
    blue: Mapping[int, int],
    green: Mapping[int, int],
    slow: Mapping[float, int] | None = None,
    *,
    mixes: tuple[Mapping[str, int], Mapping[str, int]] | None = None,
) -> Verdict:
    of_blue, of_green = ({"species": mixes[0]}, {"species": mixes[1]}) if mixes else ({}, {})
    twenty = {bound: 20 * count for bound, count in FAST.items()}
    return judge(
        Observed(BLUE, blue, Latencies(twenty), mixes=of_blue),
        Observed(GREEN, green, Latencies(slow or FAST), mixes=of_green),
        LIMITS,
    )


def _worse(verdict: Verdict) -> list[str]:
    return [finding.measure for finding in verdict.worse]


@pytest.mark.parametrize(
    ("green", "expected"),
    [
        ({200: 990, 422: 10}, []),
        ({200: 1000}, []),
        ({200: 50, 422: 950}, ["4xx (not 429)"]),
        ({200: 960, 500: 40}, ["5xx"]),
        ({200: 960, 500: 20, 503: 20}, ["5xx"]),
        ({200: 197, 503: 3}, ["5xx"]),
        ({200: 900, 429: 100}, ["429"]),
        ({200: 800, 429: 100, 404: 100}, ["4xx (not 429)", "429"]),
    ],
)
def test_a_green_that_answers_worse_is_named_with_what_is_worse(green: Mapping[int, int], expected: list[str]) -> None:
    assert _worse(_verdict({200: 18_990, 422: 10}, green)) == expected


def test_callers_who_send_rubbish_to_both_are_not_greens_fault() -> None:
    assert _worse(_verdict({200: 10_000, 422: 9000}, {200: 520, 422: 480})) == []


def test_a_difference_that_is_certain_but_allowed_is_no_reason() -> None:
    """Five in a thousand against none in a million: certain, and within the limit of 1 %."""
    verdict = _verdict({200: 1_000_000}, {200: 9950, 500: 50})
    (finding,) = [finding for finding in verdict.findings if finding.measure == "5xx"]
    assert finding.p_value < 1e-50
    assert finding.outcome is Outcome.OK


def test_a_difference_that_chance_explains_is_no_reason() -> None:
    """2.5 % of 200 are more than what is allowed, but five requests are no proof."""
    assert _worse(_verdict({200: 200}, {200: 195, 500: 5})) == []


def test_doubled_latencies_are_worse_and_too_few_of_them_are_not_judged() -> None:
    doubled = {20.0: 880, 40.0: 90, 80.0: 25, 160.0: 5}
    busy = {200: 20_000}
    assert _worse(_verdict(busy, {200: 1000}, doubled)) == ["slower than 40 ms"]
    few = _verdict(busy, {200: 1000}, {160.0: 199})
    assert _worse(few) == []
    assert any("slower than 40 ms" in line and line.endswith("too few to judge") for line in table(few))


def test_blues_missing_requests_count_as_answered_well() -> None:
    verdict = _verdict({200: 3}, {200: 150, 500: 50})
    assert _worse(verdict) == ["5xx"]
    assert verdict.blue.total == LIMITS.minimum
    assert any("3 + 197 taken for good" in line for line in table(verdict))


def test_a_mix_that_moves_in_either_direction_is_pointed_out_and_stops_nothing() -> None:
    usual = {"Adelie": 8000, "Chinstrap": 4000, "Gentoo": 8000}
    busy = {200: 20_000}
    same = _verdict(busy, {200: 1000}, mixes=(usual, {"Adelie": 410, "Chinstrap": 205, "Gentoo": 385}))
    assert Outcome.DIFFERS not in {finding.outcome for finding in same.findings}
    moved = _verdict(busy, {200: 1000}, mixes=(usual, {"Adelie": 400, "Gentoo": 600}))
    differing = [finding.measure for finding in moved.findings if finding.outcome is Outcome.DIFFERS]
    assert differing == ["species: Chinstrap", "species: Gentoo"]
    assert moved.worse == []


def test_of_two_values_only_one_is_judged() -> None:
    verdict = _verdict({200: 1000}, {200: 1000}, mixes=({"false": 30, "true": 970}, {"false": 30, "true": 970}))
    assert [finding.measure for finding in verdict.findings][4:] == ["species: false"]


@pytest.mark.parametrize(("blue", "green"), [(19_000, 1000), (19_000, 200), (3, 200), (19_000, 100_000)])
def test_what_a_verdict_could_have_seen_is_where_it_changes(blue: int, green: int) -> None:
    from_share = _verdict({200: blue}, {200: green}).seen_from
    bad = math.ceil(from_share * green)
    assert _worse(_verdict({200: blue}, {200: green - bad - 1, 500: bad + 1})) == ["5xx"]
    assert _worse(_verdict({200: blue}, {200: green - bad + 1, 500: bad - 1})) == []


def test_the_table_and_the_reason_name_both_revisions_and_the_figures() -> None:
    verdict = _verdict({200: 19_000}, {200: 500, 404: 500})
    lines = table(verdict)
    assert BLUE in lines[0]
    assert GREEN in lines[0]
    assert max(map(len, lines)) <= 120
    assert sum(line.endswith("WORSE") for line in lines) == 1
    (reason,) = sentences(verdict)
    assert reason.startswith(f"4xx (not 429): 50.00% (500 of 1000) of its requests, 0.00% (0 of 19000) of {BLUE}'s")


def test_the_stated_error_holds_for_whole_rollouts() -> None:
    """Rollouts of a green that is exactly as good as blue, with no difference allowed: few of them are stopped."""
    generator = random.Random(7)
    limits = Limits(minimum=200, error=0.2, steps=4, share=0.0, mix=0.0)

    def observed(name: str, total: int) -> Observed:
        drawn = Counter(generator.choices([200, 404, 429, 500], weights=[187, 8, 1, 4], k=total))
        return Observed(name, drawn, Latencies({}))

    def stopped() -> bool:
        return any(judge(observed(BLUE, 400), observed(GREEN, 200), limits).worse for _ in range(limits.steps))

    assert 0 < sum(stopped() for _ in range(200)) <= 0.2 * 200


def test_the_table_in_the_documentation_is_what_is_printed() -> None:
    verdict = _verdict({200: 18_900, 422: 100}, {200: 50, 422: 950})
    page = (PROJECT / "docs/how-to/deploy.md").read_text()
    assert "\n".join(table(verdict)) in page
