"""How often the model was right, and its prediction sets held the class, among the rows whose class callers told."""

from collections.abc import Iterable
from dataclasses import dataclass

from scipy.stats import beta

from predictor.drift.summaries import Feedback, Summary, total

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Share:
    """A counted share with its exact 95 % confidence interval (Clopper and Pearson, 1934)."""

    counted: int
    of: int
    lowest: float
    highest: float

    @classmethod
    def exact(cls, counted: int, of: int) -> "Share":
        tail = (1 - CONFIDENCE) / 2
        lowest = float(beta.ppf(tail, counted, of - counted + 1)) if counted else 0.0
        highest = float(beta.ppf(1 - tail, counted + 1, of - counted)) if counted < of else 1.0
        return cls(counted, of, lowest, highest)


@dataclass(frozen=True, slots=True)
class LiveAccuracy:
    """Of one model. `coverage`: None where no prediction set was counted."""

    model_version: str
    model_digest: str
    accuracy: Share
    coverage: Share | None
    pairs: dict[str, dict[str, int]]


def live_accuracies(summaries: Iterable[Summary]) -> list[LiveAccuracy]:
    """Of each model that has feedback, in the order of their versions."""
    by_model: dict[tuple[str, str], list[Summary]] = {}
    for summary in summaries:
        by_model.setdefault((summary.model_version, summary.model_digest), []).append(summary)
    found = []
    for (version, digest), members in sorted(by_model.items()):
        feedback = total(member.counts for member in members).feedback
        if rows := _rows(feedback):
            right = sum(by_prediction.get(label, 0) for label, by_prediction in feedback.pairs.items())
            sets = feedback.with_sets
            coverage = Share.exact(feedback.covered, sets) if sets else None
            found.append(LiveAccuracy(version, digest, Share.exact(right, rows), coverage, feedback.pairs))
    return found


def _rows(feedback: Feedback) -> int:
    return sum(sum(by_prediction.values()) for by_prediction in feedback.pairs.values())
