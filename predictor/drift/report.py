"""What `python -m predictor drift` found, as values, as JSON and as a table for the terminal."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from predictor.drift.baseline import Baseline
from predictor.drift.decision import Decision, decide
from predictor.drift.live_accuracy import LiveAccuracy, Share, live_accuracies
from predictor.drift.periods import LOOKS_PER_YEAR, Kind, Period, log_threshold, periods
from predictor.drift.summaries import Counts, Summary, total
from predictor.penguin import NOUN_PLURAL
from predictor.prediction import ModelIdentity

MAX_EVIDENCE_SHOWN = 999.9


@dataclass(frozen=True, slots=True)
class DecidedPeriod:
    """A period and the decision about it."""

    period: Period
    decision: Decision

    @property
    def alarms(self) -> dict[str, bool]:
        """By report: is there an alarm?"""
        return {"measurements": self.decision.measurements_alarm, "mix": self.decision.mix_alarm}


@dataclass(frozen=True, slots=True)
class Report:
    """`others`: summaries of other models, by digest; they are counted, and not decided about.

    `coverage`: what the model's prediction sets promise; None without sets.
    """

    model: ModelIdentity
    summaries: int
    since: datetime
    until: datetime
    counts: Counts
    periods: tuple[DecidedPeriod, ...]
    accuracies: tuple[LiveAccuracy, ...]
    coverage: float | None
    others: dict[str, int]

    def alarms(self) -> list[str]:
        """In what there is an alarm, and when, in words."""
        found = []
        for report in ("measurements", "mix"):
            for kind in LOOKS_PER_YEAR:
                names = [item.period.name for item in self.periods if item.period.kind == kind and item.alarms[report]]
                if len(names) == 1:
                    found.append(f"{report} in the {kind} {names[0]}")
                elif names:
                    found.append(f"{report} in {len(names)} {kind}s, the last {names[-1]}")
        return found

    def latest(self) -> dict[Kind, DecidedPeriod]:
        """The last period of each kind."""
        return {item.period.kind: item for item in self.periods}


def make_report(
    summaries: Sequence[Summary], model: ModelIdentity, baseline: Baseline, coverage: float | None
) -> Report | None:
    """Decide about all periods of one model. None without a summary of it."""
    own = [summary for summary in summaries if summary.model_digest == model.digest]
    others: dict[str, int] = {}
    for summary in summaries:
        if summary.model_digest != model.digest:
            others[summary.model_digest] = others.get(summary.model_digest, 0) + 1
    if not own:
        return None
    return Report(
        model=model,
        summaries=len(own),
        since=min(summary.since for summary in own),
        until=max(summary.until for summary in own),
        counts=total(summary.counts for summary in own),
        periods=tuple(
            DecidedPeriod(period, decide(period.counts, baseline, log_threshold(LOOKS_PER_YEAR[period.kind])))
            for period in periods(own)
        ),
        accuracies=tuple(live_accuracies(summaries)),
        coverage=coverage,
        others=others,
    )


def report_json(report: Report) -> bytes:
    """The whole report, as one JSON document. The same counts give the same bytes, however they were split."""
    counts = report.counts
    document: dict[str, Any] = {
        "model_version": report.model.version,
        "model_digest": report.model.digest,
        "since": report.since,
        "until": report.until,
        "rows": counts.rows,
        "discarded": counts.discarded,
        "refused": counts.refused.model_dump(),
        "alarms": report.alarms(),
        "periods": [_period(item) for item in report.periods],
        "coverage": report.coverage,
        "live_accuracy": [asdict(item) for item in report.accuracies],
        "other_models": report.others,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _period(item: DecidedPeriod) -> dict[str, Any]:
    decision = item.decision
    return {
        "kind": item.period.kind,
        "period": item.period.name,
        "measurements_alarm": decision.measurements_alarm,
        "mix_alarm": decision.mix_alarm,
        **asdict(decision),
    }


def report_lines(report: Report) -> Iterator[str]:
    """The report for the terminal."""
    counts = report.counts
    yield f"Model {report.model.version}, {report.model.digest}"
    yield (
        f"{counts.rows:,} {NOUN_PLURAL} in {report.summaries:,} summaries, {report.since:%Y-%m-%d %H:%M} to"
        f" {report.until:%Y-%m-%d %H:%M} UTC; {counts.flagged:,} unlike the reference,"
        f" {counts.refused.out_of_range:,} refused as out of range, {counts.refused.other:,} refused otherwise,"
        f" {counts.discarded:,} not summarised"
    )
    yield ""
    yield "Evidence is log10 of the e-value; above 0 it speaks for a change."
    yield from aligned(period_rows(report.periods))
    for kind, item in report.latest().items():
        yield ""
        yield f"The {kind} {item.period.name}:"
        yield from aligned(measurement_rows(item.decision))
        yield from aligned(share_rows(item.decision))
    yield from accuracy_lines(report)


def period_rows(items: Iterable[DecidedPeriod]) -> list[list[str]]:
    rows = [["period", "rows", "measurements", "", "mix", "", "alarm from"]]
    for item in items:
        decision = item.decision
        rows.append(
            [
                item.period.name,
                f"{decision.rows:,}",
                evidence_text(decision.log10_e_measurements),
                "ALARM" if decision.measurements_alarm else "",
                evidence_text(decision.log10_e_mix),
                "ALARM" if decision.mix_alarm else "",
                evidence_text(decision.log10_threshold),
            ]
        )
    return rows


def measurement_rows(decision: Decision) -> list[list[str]]:
    rows = [["measurement", "shift", "in sd", "sd", "evidence", "alone", "PSI", "PSI false alarms"]]
    for name, item in decision.measurements.items():
        rows.append(
            [
                name,
                f"{item.shift:+.2f}" + (" %" if item.in_per_cent else ""),
                f"{item.mean_sd:+.2f}",
                f"{item.sd:.2f}",
                evidence_text(item.log10_e),
                evidence_text(item.log10_e_alone),
                "" if item.psi is None else f"{item.psi:.3f}",
                "" if item.psi_false_alarm_rate is None else f"{100 * item.psi_false_alarm_rate:.2g} %",
            ]
        )
    return rows


def share_rows(decision: Decision) -> list[list[str]]:
    rows = [["share of rows", "counted", "expected", "evidence"]]
    for name, share in (("unlike the reference", decision.flagged), ("out of range", decision.out_of_range)):
        rows.append(
            [name, percent(share.counted, share.of), f"{100 * share.expected:.2f} %", evidence_text(share.log10_e)]
        )
    for kind, mix in decision.mix.items():
        counted, reference = sum(mix.counted.values()), sum(mix.reference.values())
        for index, value in enumerate(mix.counted):
            shares = percent(mix.counted[value], counted), percent(mix.reference[value], reference)
            rows.append([f"{kind} {value}", *shares, "" if index else evidence_text(mix.log10_e)])
    return rows


def accuracy_lines(report: Report) -> Iterator[str]:
    if report.accuracies:
        yield ""
        yield "From feedback, with exact 95 % intervals:"
    for item in report.accuracies:
        yield f"{item.model_version}: {share_text(item.accuracy)} predicted correctly"
        if item.coverage is not None:
            promised = (
                ""
                if report.coverage is None or item.model_digest != report.model.digest
                else f"; promised: {100 * report.coverage:g} %"
            )
            yield f"{item.model_version}: {share_text(item.coverage)} in the prediction set{promised}"


def share_text(share: Share) -> str:
    return f"{share.counted:,} of {share.of:,} ({100 * share.lowest:.1f} to {100 * share.highest:.1f} %)"


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else ""


def evidence_text(log10_e: float) -> str:
    """One decimal; the largest are all the same to a reader."""
    return f"{min(log10_e, MAX_EVIDENCE_SHOWN):.1f}"


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows as columns of text: the first one flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
