"""Does what was counted in a period differ from the reference? Measurements and the mix of kinds are decided apart."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.drift import evidence
from predictor.drift.baseline import Baseline
from predictor.drift.psi import false_alarm_rate, psi
from predictor.drift.summaries import Counts, Measured
from predictor.trust.residuals import BINS, SCALE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from predictor.drift.evidence import Numbers

MEANS_WEIGHT: Final = 0.8
"""Of the e-value for measurements; the shares of flagged and of refused rows have half of the rest each."""
_LOG_10: Final = math.log(10)


@dataclass(frozen=True, slots=True)
class MeasurementDrift:
    """`mean_sd`, `sd`: mean and standard deviation of the residuals, in standard deviations of the reference.

    `shift`: the mean in per cent of the measurement where its logarithm was taken, else in its unit. `log10_e`:
    evidence that the mean has moved; `log10_e_alone`: by more or less than the other measurements make one expect.
    """

    mean_sd: float
    sd: float
    shift: float
    in_per_cent: bool
    log10_e: float
    log10_e_alone: float
    psi: float | None
    psi_false_alarm_rate: float | None
    histogram: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ShareDrift:
    """How many of how many rows, the share in the reference or the share that is tolerated, and the evidence."""

    counted: int
    of: int
    expected: float
    log10_e: float


@dataclass(frozen=True, slots=True)
class MixDrift:
    """Rows by kind, counted and in the reference."""

    counted: dict[str, int]
    reference: dict[str, int]
    log10_e: float


@dataclass(frozen=True, slots=True)
class Decision:
    """`log10_e_*`: the evidence as a whole; there is an alarm where it is at least `log10_threshold`."""

    rows: int
    log10_threshold: float
    log10_e_measurements: float
    log10_e_mix: float
    measurements: dict[str, MeasurementDrift]
    flagged: ShareDrift
    out_of_range: ShareDrift
    mix: dict[str, MixDrift]

    @property
    def measurements_alarm(self) -> bool:
        return self.log10_e_measurements >= self.log10_threshold

    @property
    def mix_alarm(self) -> bool:
        return self.log10_e_mix >= self.log10_threshold


LABEL_KIND = "class"
"""What the mix of predicted classes is called beside the categories."""


def decide(counts: Counts, baseline: Baseline, log_threshold: float) -> Decision:
    """All evidence in the counts."""
    measured = [counts.measurements.get(name, Measured()) for name in baseline.histograms]
    means = np.array([item.sum / SCALE / item.rows if item.rows else 0.0 for item in measured])
    marginal, alone = of_mean_residuals(means, _variance(counts, baseline), baseline)
    flagged = of_flagged(counts.flagged, counts.rows, baseline)
    out_of_range = evidence.of_rare(counts.refused.out_of_range, counts.requested)
    mix = {LABEL_KIND: _mix(counts.labels(), baseline.labels)} | {
        name: _mix(counts.categories.get(name, {}), reference) for name, reference in baseline.categories.items()
    }
    return Decision(
        rows=counts.rows,
        log10_threshold=_log10(log_threshold),
        log10_e_measurements=_log10(of_measurements([*marginal, *alone], flagged, out_of_range)),
        log10_e_mix=_log10(of_mix([item.log10_e * _LOG_10 for item in mix.values()])),
        measurements={
            name: _measurement(measured[index], name, index, baseline, (means[index], marginal[index], alone[index]))
            for index, name in enumerate(baseline.histograms)
        },
        flagged=ShareDrift(counts.flagged, counts.rows, baseline.flagged / baseline.rows, _log10(flagged)),
        out_of_range=ShareDrift(
            counts.refused.out_of_range, counts.requested, evidence.TOLERATED_OUT_OF_RANGE, _log10(out_of_range)
        ),
        mix=mix,
    )


def of_measurements(means: "Sequence[Numbers]", flagged: "Numbers", out_of_range: "Numbers") -> "Numbers":
    """The log e-value for changed measurements, from those for its parts; of one look or of many."""
    rest = (1 - MEANS_WEIGHT) / 2
    return evidence.mean([evidence.mean(means), flagged, out_of_range], [MEANS_WEIGHT, rest, rest])


def of_mix(kinds: "Sequence[Numbers] | Sequence[float]") -> "Numbers":
    """The log e-value for a changed mix: half from the classes, which come first, half from all categories."""
    labels, *categories = kinds
    return evidence.mean([labels, evidence.mean(categories)] if categories else [labels])


def of_flagged(flagged: "ArrayLike", rows: "ArrayLike", baseline: Baseline) -> "Numbers":
    """The log e-value for the share of rows that are unlike the reference."""
    counted = np.stack([np.asarray(flagged), np.asarray(rows) - np.asarray(flagged)], axis=-1)
    return evidence.of_shares(counted, (baseline.flagged, baseline.rows - baseline.flagged))


def of_mean_residuals(
    means: "Numbers", variance: "Numbers | float", baseline: Baseline
) -> "tuple[list[Numbers], list[Numbers]]":
    """The log e-values by measurement: of each mean as it is, and of what the other means leave of it.

    `means`: shape (looks..., measurements); `variance`, of each mean if nothing has changed: shape (looks...).
    """
    # With P the inverse correlation, (P m)_j / sqrt(P_jj) is the j-th mean less its regression on the others, in its
    # own standard deviations. An instrument that reads wrong moves one measurement, which stands out more this way.
    alone = means @ baseline.precision / np.sqrt(np.diag(baseline.precision))
    freedom = max(1, baseline.freedom - len(baseline.sds) + 1)
    return (
        [evidence.of_means(mean, variance, baseline.freedom) for mean in np.moveaxis(means, -1, 0)],
        [evidence.of_means(mean, variance, freedom) for mean in np.moveaxis(alone, -1, 0)],
    )


def _log10(log_e: "Numbers | float") -> float:
    return float(log_e) / _LOG_10


def _variance(counts: Counts, baseline: Baseline) -> float:
    """The variance of a mean residual if nothing has changed: its own, and that of the reference's group means."""
    groups: dict[tuple[str, str], int] = {}
    for label, by_value in counts.groups.items():
        for value, rows in by_value.items():
            key = (label, value) if (label, value) in baseline.groups else (label, "")
            if key in baseline.groups:
                groups[key] = groups.get(key, 0) + rows
    measured = sum(groups.values())
    if not measured:
        return math.inf
    return 1 / measured + sum((rows / measured) ** 2 / baseline.groups[key] for key, rows in groups.items())


def _measurement(
    item: Measured, name: str, index: int, baseline: Baseline, found: "tuple[Numbers, Numbers, Numbers]"
) -> MeasurementDrift:
    mean, log_e, log_e_alone = (float(number) for number in found)
    squares = item.sum_of_squares / SCALE**2 / item.rows if item.rows else 0.0
    log, sd = baseline.logs[index], baseline.sds[index]
    reference = baseline.histograms[name]
    return MeasurementDrift(
        mean_sd=mean,
        sd=math.sqrt(max(0.0, squares - mean**2)),
        shift=100 * math.expm1(mean * sd) if log else mean * sd,
        in_per_cent=log,
        log10_e=log_e / _LOG_10,
        log10_e_alone=log_e_alone / _LOG_10,
        psi=psi(item.histogram, reference) if item.rows else None,
        psi_false_alarm_rate=false_alarm_rate(item.rows, sum(reference), BINS) if item.rows else None,
        histogram=tuple(item.histogram),
    )


def _mix(counted: Mapping[str, int], reference: Mapping[str, int]) -> MixDrift:
    kinds = [*reference, *(kind for kind in sorted(counted) if kind not in reference)]
    both = [[numbers.get(kind, 0) for kind in kinds] for numbers in (counted, reference)]
    log_e = evidence.of_shares(*both)  # Of one kind alone it is 0.
    first, second = (dict(zip(kinds, numbers, strict=True)) for numbers in both)
    return MixDrift(first, second, _log10(log_e))
