"""What a model's reference says of traffic in which nothing has changed. Made once from `reference.json`."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from predictor.schema import CATEGORIES
from predictor.trust.reference import Reference
from predictor.trust.residuals import BINS, EDGES, Residuals

if TYPE_CHECKING:
    from numpy.typing import NDArray

GroupKey = tuple[str, str]
"""A class, and the value of the category that splits it; "" where none does."""


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """`logs`, `sds`: by measurement, as in the reference. `precision`: the inverse of the residuals' correlation, shape
    (measurements, measurements). `freedom`: degrees of freedom of the standard deviations. `histograms`: the reference
    rows' own residuals, by measurement; its keys are the measurements that the reference is about, in their order.
    """

    rows: int
    flagged: int
    groups: Mapping[GroupKey, int]
    labels: Mapping[str, int]
    categories: Mapping[str, Mapping[str, int]]
    logs: tuple[bool, ...]
    sds: tuple[float, ...]
    precision: "NDArray[np.float64]"
    freedom: int
    histograms: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, reference: Reference) -> "Baseline":
        groups = {(group.label, group.value or ""): group.rows for group in reference.groups}
        sds = np.array([item.sd for item in reference.measurements])
        return cls(
            rows=reference.rows,
            flagged=_flagged(reference),
            groups=groups,
            labels=reference.label_counts(),
            categories={
                name: {value: sum(labels[value] for labels in by_label.values()) for value in CATEGORIES[name]}
                for name, by_label in reference.counts.items()
            },
            logs=tuple(item.log for item in reference.measurements),
            sds=tuple(float(sd) for sd in sds),
            precision=np.array(reference.precision) * np.outer(sds, sds),
            freedom=max(1, reference.rows - len(groups)),
            histograms=_histograms(reference),
        )


def _flagged(reference: Reference) -> int:
    """How many of its own rows the reference would flag, each compared with the others."""
    count = len(reference.scores)
    nearer = range(count)  # The scores are sorted.
    return sum((count + 1 - rank) / (count + 1) < reference.threshold for rank in nearer)


def _histograms(reference: Reference) -> dict[str, tuple[int, ...]]:
    residuals, birds = Residuals(reference), reference.birds
    offsets = [residuals.offsets[bird.label, bird.categories] for bird in birds]
    columns = residuals.of_columns(zip(*[bird.measurements for bird in birds], strict=True), zip(*offsets, strict=True))
    histograms = {}
    for item, column in zip(reference.measurements, columns, strict=True):
        counts = Counter(bisect_right(EDGES, value) for value in column)
        histograms[item.name] = tuple(counts[index] for index in range(BINS))
    return histograms
