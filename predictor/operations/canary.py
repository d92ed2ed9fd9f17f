"""Is the new revision (green) worse than the one in service (blue)? Asked between two steps of a rollout.

For each measure, green is worse if its share exceeds blue's by more than what is allowed *and* a two-proportion test
says that chance does not explain it. The error is stated for a whole rollout: a green that is as good as blue is called
worse with at most this probability. It is divided by the number of tests of the rollout (Bonferroni).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

from predictor.operations.proportions import Proportion, p_different, p_larger
from predictor.operations.time_series import Latencies


@dataclass(frozen=True, slots=True)
class Observed:
    """What one revision did in the minutes of a step."""

    name: str
    statuses: Mapping[int, int]
    """Answers by HTTP status."""
    latencies: Latencies
    added: int = 0
    """How many of the answers are those of smoke traffic (green), or are taken for good (blue)."""
    mixes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Rows by predicted class, and by whether they are in distribution."""

    @property
    def total(self) -> int:
        return sum(self.statuses.values())

    def with_added(self, statuses: Mapping[int, int]) -> "Observed":
        """With the answers to smoke traffic among its own."""
        keys = self.statuses.keys() | statuses.keys()
        together = {key: self.statuses.get(key, 0) + statuses.get(key, 0) for key in keys}
        return Observed(self.name, together, self.latencies, self.added + sum(statuses.values()), self.mixes)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a green revision may do."""

    minimum: int
    """Requests of each revision that a verdict needs."""
    error: float
    """The largest probability, over a whole rollout, that a green which is as good as blue is called worse."""
    steps: int
    """How often a rollout asks."""
    share: float
    """By how much green's share of bad or slow answers may exceed blue's, 0 to 1."""
    mix: float
    """By how much a share of a mix may differ before it is pointed out."""


class Outcome(StrEnum):
    """What a test says of one measure."""

    OK = "ok"
    WORSE = "WORSE"
    DIFFERS = "differs, look"
    """No reason to go back: the rows of one request are not independent, so the stated error does not hold for them."""
    UNKNOWN = "too few to judge"


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure of both revisions."""

    measure: str
    blue: Proportion
    green: Proportion
    allowed: float
    p_value: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings of one step; green is fit for more traffic if none of them is worse."""

    blue: Observed
    green: Observed
    findings: Sequence[Finding]
    error_per_test: float

    @property
    def seen_from(self) -> float:
        """The smallest share of 5xx, 0 to 1, that these numbers of requests would have shown to be worse."""
        blue, total, allowed = self.findings[0].blue, self.green.total, self.findings[0].allowed

        def is_seen(count: int) -> bool:
            return p_larger(Proportion(count, total), blue) < self.error_per_test

        return max(blue.share + allowed, bisect_left(range(total + 1), True, key=is_seen) / max(total, 1))

    @property
    def worse(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.outcome is Outcome.WORSE]


@dataclass(frozen=True, slots=True)
class _Measured:
    measure: str
    blue: Proportion
    green: Proportion
    allowed: float
    minimum: int = 0


def judge(blue: Observed, green: Observed, limits: Limits) -> Verdict:
    """Compare them. Blue's missing requests count as answered well, as valid requests of smoke traffic are."""
    blue = blue.with_added({HTTPStatus.OK: max(0, limits.minimum - blue.total)})
    measured = [*_statuses(blue, green, limits), _slow(blue, green, limits)]
    error = limits.error / (limits.steps * len(measured))
    findings = [_test(each, error) for each in measured] + [_look(each, error) for each in _mixes(blue, green, limits)]
    return Verdict(blue, green, findings, error)


def _test(measured: _Measured, error: float) -> Finding:
    p_value = p_larger(measured.green, measured.blue)
    certain = p_value < error and measured.green.share > measured.blue.share + measured.allowed
    return _finding(measured, p_value, Outcome.WORSE if certain else Outcome.OK)


def _look(measured: _Measured, error: float) -> Finding:
    p_value = p_different(measured.green, measured.blue)
    differs = p_value < error and abs(measured.green.share - measured.blue.share) > measured.allowed
    return _finding(measured, p_value, Outcome.DIFFERS if differs else Outcome.OK)


def _finding(measured: _Measured, p_value: float, outcome: Outcome) -> Finding:
    enough = min(measured.blue.total, measured.green.total) >= measured.minimum
    return Finding(
        measured.measure,
        measured.blue,
        measured.green,
        measured.allowed,
        p_value,
        outcome if enough else Outcome.UNKNOWN,
    )


def _statuses(blue: Observed, green: Observed, limits: Limits) -> Iterator[_Measured]:
    kinds: dict[str, Callable[[int], bool]] = {
        "5xx": lambda status: status >= 500,
        "4xx (not 429)": lambda status: 400 <= status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS,
        "429": lambda status: status == HTTPStatus.TOO_MANY_REQUESTS,
    }
    for kind, belongs in kinds.items():
        of_blue, of_green = (
            Proportion(sum(count for status, count in seen.statuses.items() if belongs(status)), seen.total)
            for seen in (blue, green)
        )
        yield _Measured(kind, of_blue, of_green, limits.share)


def _slow(blue: Observed, green: Observed, limits: Limits) -> _Measured:
    """The p99 as a proportion: at most 1 % of blue's requests are slower than its p99; how many of green's?"""
    bound_ms = blue.latencies.p99_ms
    of_blue, of_green = (Proportion(seen.latencies.above(bound_ms), seen.latencies.total) for seen in (blue, green))
    return _Measured(f"slower than {bound_ms:.0f} ms", of_blue, of_green, limits.share, minimum=limits.minimum)


def _mixes(blue: Observed, green: Observed, limits: Limits) -> Iterator[_Measured]:
    for label in sorted(blue.mixes.keys() & green.mixes.keys()):
        of_blue, of_green = blue.mixes[label], green.mixes[label]
        values = sorted(of_blue.keys() | of_green.keys())
        # The second of two values says the same as the first.
        for value in values if len(values) > 2 else values[:1]:
            yield _Measured(
                f"{label}: {value}",
                Proportion(of_blue.get(value, 0), sum(of_blue.values())),
                Proportion(of_green.get(value, 0), sum(of_green.values())),
                limits.mix,
                minimum=limits.minimum,
            )


# --- as text --------------------------------------------------------------------------------------------------------


def table(verdict: Verdict) -> list[str]:
    """One table: a measure per line, blue, green, what was allowed, how likely by chance, and the verdict."""
    blue, green = verdict.blue, verdict.green
    rows = [
        ("", blue.name, green.name, "ALLOWED", "P", "VERDICT"),
        ("requests", _requests(blue, "taken for good"), _requests(green, "smoke"), "", "", ""),
        ("p99", f"<= {blue.latencies.p99_ms:.0f} ms", f"<= {green.latencies.p99_ms:.0f} ms", "", "", ""),
    ]
    for finding in verdict.findings:
        p_value = "-" if finding.outcome is Outcome.UNKNOWN else f"{finding.p_value:.2g}"
        shown = (_shown(finding.blue), _shown(finding.green), f"{finding.allowed:.1%}", p_value, finding.outcome.value)
        rows.append((finding.measure, *shown))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def sentences(verdict: Verdict) -> list[str]:
    """What is worse, one clause each."""
    return [
        f"{finding.measure}: {_shown(finding.green)} of its requests, {_shown(finding.blue)} of {verdict.blue.name}'s"
        f" (p = {finding.p_value:.2g}, limit {verdict.error_per_test:.2g})"
        for finding in verdict.worse
    ]


def _requests(seen: Observed, added: str) -> str:
    return f"{seen.total - seen.added} + {seen.added} {added}" if seen.added else f"{seen.total}"


def _shown(proportion: Proportion) -> str:
    return f"{proportion.share:.2%} ({proportion.count} of {proportion.total})" if proportion.total else "-"
