"""From labelled rows to `reference.json`: groups, distances, out-of-fold probabilities, and the rows themselves."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from predictor.artifacts import features_of
from predictor.errors import NotRefittable
from predictor.penguin import SPECIES
from predictor.schema import CATEGORIES, FEATURES, MEASUREMENTS, RANGES, categories_of, measurements_of
from predictor.training.dataset import Dataset, LabelledRow
from predictor.training.fitted_model import PublishableModel
from predictor.training.refitting import assign_folds
from predictor.trust.reference import Bird, Group, Measurement, Reference, Sets, Unseen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

THRESHOLD: Final = 0.03
"""Flags about this share of the birds that the reference is made of, when they are held out."""
UNSURE_BELOW: Final = 0.9
COVERAGE: Final = 0.95
MAX_COVERAGE: Final = 0.995
MAX_BIRDS: Final = 400
"""Rows that are kept for explanations: explaining takes time in proportion."""
BACKGROUND: Final = 64
MIN_GROUP_ROWS: Final = 5
"""A class with fewer rows of a category's value is not split by that category."""
MIN_EXPECTED: Final = 5.0
"""A combination counts as unseen if so many rows would have it, were class and category independent."""
_SIGNIFICANT: Final = 9


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Probabilities of rows by clones of the estimator that were fitted without them: shape (rows, classes)."""

    classes: tuple[str, ...]
    probabilities: "Numbers"
    folds: int


def reference_of(model: PublishableModel, dataset: Dataset) -> Reference:
    """The reference for a model's answers: the dataset's rows, and the model's probabilities for them out of fold."""
    features = features_of(model.input)
    try:
        unknown = sorted({row.label for row in dataset.rows} - set(model.classes))
        if unknown:
            raise NotRefittable(f"the model does not know the label {unknown[0]} of reference rows")
        folds = assign_folds(dataset.labels)
        classes = [model.classes.index(label) for label in dataset.labels]
        probabilities = model.out_of_fold(dataset.penguins, classes, folds)
    except NotRefittable as error:
        return make_reference(dataset, str(error), features)
    return make_reference(dataset, OutOfFold(model.classes, probabilities, max(folds) + 1), features)


def make_reference(dataset: Dataset, out_of_fold: OutOfFold | str, features: Collection[str] = FEATURES) -> Reference:
    """The reference for the dataset's valid rows, and a model that takes these features.

    Instead of probabilities, `out_of_fold` may say why there are none.

    Numbers are rounded to nine significant digits, so that the last bits of a processor's sums do not change a digest.
    """
    rows = dataset.rows
    measurements = [name for name in MEASUREMENTS if name in features]
    categories = [name for name in CATEGORIES if name in features]
    transformed = transform(rows, measurements)
    grouping = choose_grouping(rows, transformed, categories)
    keys = group_keys(rows, grouping)
    fit = fit_groups(keys, transformed)
    counts = _counts(rows, categories)
    birds = [rows[index] for index in _sample(keys, MAX_BIRDS)]
    bird_keys = group_keys(birds, grouping)
    return Reference(
        sha256=dataset.sha256,
        rows=len(rows),
        labels=tuple(name for name in SPECIES if any(row.label == name for row in rows)),
        measurements=_measurements(measurements, rows, fit.covariance),
        grouping=grouping,
        groups=tuple(
            Group(label=label, value=value, rows=fit.counts[label, value], means=_rounded(means))
            for (label, value), means in fit.means.items()
        ),
        precision=tuple(_rounded(row) for row in fit.precision),
        scores=_rounded(np.sort(leave_one_out(keys, grouping_values(rows, grouping), transformed, fit))),
        threshold=THRESHOLD,
        unsure_below=UNSURE_BELOW,
        coverage=COVERAGE,
        sets=None if isinstance(out_of_fold, str) else _sets(rows, out_of_fold),
        without_sets=out_of_fold if isinstance(out_of_fold, str) else None,
        counts=counts,
        unseen=tuple(_unseen(counts, len(rows))),
        birds=tuple(
            Bird(label=row.label, measurements=measurements_of(row.penguin), categories=categories_of(row.penguin))
            for row in birds
        ),
        background=tuple(_sample(bird_keys, BACKGROUND)),
    )


Key = tuple[str, str | None]
"""A group: a label, and the value of the grouping category where the class is split by it."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Means and rows per group, and the covariance of the measurements around them, pooled over all groups."""

    means: "dict[Key, Numbers]"
    counts: dict[Key, int]
    scatter: "Numbers"
    freedom: int
    """Rows minus groups, and at least 1."""

    @property
    def covariance(self) -> "Numbers":
        return _regular(self.scatter / self.freedom)

    @property
    def precision(self) -> "Numbers":
        return np.linalg.inv(self.covariance).astype(np.float64)


def transform(rows: Sequence[LabelledRow], measurements: Sequence[str] = MEASUREMENTS) -> "Numbers":
    """The measurements, shape (rows, measurements), as logarithms where the range has only positive numbers."""
    values = np.array([[getattr(row.penguin, name) for name in measurements] for row in rows], dtype=np.float64)
    for index, name in enumerate(measurements):
        if _is_log(name):
            values[:, index] = np.log(values[:, index])
    return values


def _is_log(name: str) -> bool:
    return RANGES[name][0] > 0


def choose_grouping(
    rows: Sequence[LabelledRow], transformed: "Numbers", categories: Iterable[str] = CATEGORIES
) -> str | None:
    """The category whose values differ most in their measurements, class by class; None where none pays.

    The Bayesian information criterion of normal distributions with one covariance decides (Schwarz 1978).
    """
    return min((None, *categories), key=lambda category: _criterion(group_keys(rows, category), transformed))


def _criterion(keys: Sequence[Key], transformed: "Numbers") -> float:
    fit = fit_groups(keys, transformed)
    rows, numbers = transformed.shape
    _, logarithm = np.linalg.slogdet(_regular(fit.scatter / rows))
    return float(rows * logarithm + len(fit.means) * numbers * np.log(rows))


def group_keys(rows: Sequence[LabelledRow], category: str | None) -> list[Key]:
    """The group of each row. A class that has too few rows of a value is one group."""
    if category is None:
        return [(row.label, None) for row in rows]
    values = [getattr(row.penguin, category) for row in rows]
    counts = Counter(zip((row.label for row in rows), values, strict=True))
    split = {
        label: all(counts[label, value] >= MIN_GROUP_ROWS for value in CATEGORIES[category])
        for label in {row.label for row in rows}
    }
    return [(row.label, value if split[row.label] else None) for row, value in zip(rows, values, strict=True)]


def fit_groups(keys: Sequence[Key], transformed: "Numbers") -> Groups:
    order = sorted(set(keys), key=lambda key: (SPECIES.index(key[0]), key[1] or ""))
    means, counts = {}, {}
    scatter = np.zeros((transformed.shape[1], transformed.shape[1]))
    for key in order:
        members = transformed[[index for index, own in enumerate(keys) if own == key]]
        means[key], counts[key] = members.mean(axis=0), len(members)
        residuals = members - means[key]
        scatter += residuals.T @ residuals
    return Groups(means, counts, scatter, max(1, len(keys) - len(order)))


def _regular(covariance: "Numbers") -> "Numbers":
    """With a small ridge where it cannot be inverted: measurements that are constant or depend on each other."""
    ridge = 1e-9 * max(float(np.trace(covariance)) / len(covariance), 1e-6)
    return covariance + ridge * np.eye(len(covariance))


def grouping_values(rows: Sequence[LabelledRow], category: str | None) -> list[str | None]:
    return [None if category is None else getattr(row.penguin, category) for row in rows]


def leave_one_out(keys: Sequence[Key], values: Sequence[str | None], transformed: "Numbers", fit: Groups) -> "Numbers":
    """The distance of each row to the nearest group that it could belong to, all fitted without that row.

    Taking one row out changes the mean of its own group and the scatter matrix, both in closed form.
    """
    distances = np.empty(len(keys))
    for index, (key, value) in enumerate(zip(keys, values, strict=True)):
        means = candidates(fit, value)
        count, residual = fit.counts[key], transformed[index] - fit.means[key]
        scatter = fit.scatter
        if count == 1:
            del means[key]
        else:
            means[key] = fit.means[key] - residual / (count - 1)
            scatter = scatter - count / (count - 1) * np.outer(residual, residual)
        precision = np.linalg.inv(_regular(scatter / max(1, fit.freedom - 1)))
        gaps = [transformed[index] - mean for mean in means.values()]
        distances[index] = min((float(gap @ precision @ gap) for gap in gaps), default=0.0) ** 0.5
    return distances


def candidates(fit: Groups, value: str | None) -> "dict[Key, Numbers]":
    """The means of the groups that a row with this value of the grouping category could belong to, one per label."""
    return {key: mean for key, mean in fit.means.items() if key[1] in (None, value)}


def _measurements(names: Sequence[str], rows: Sequence[LabelledRow], covariance: "Numbers") -> tuple[Measurement, ...]:
    columns = [[getattr(row.penguin, name) for row in rows] for name in names]
    sds = _rounded(np.sqrt(np.diag(covariance)))
    return tuple(
        Measurement(name=name, log=_is_log(name), lowest=min(values), highest=max(values), sd=sd)
        for name, values, sd in zip(names, columns, sds, strict=True)
    )


def _sets(rows: Sequence[LabelledRow], out_of_fold: OutOfFold) -> Sets:
    indexes = [out_of_fold.classes.index(row.label) for row in rows]
    scores = np.sort(out_of_fold.probabilities[np.arange(len(rows)), indexes])
    supported = np.floor((1 - 1 / (len(rows) + 1)) * 1000) / 1000
    return Sets(scores=_rounded(scores), folds=out_of_fold.folds, max_coverage=float(min(MAX_COVERAGE, supported)))


def _counts(rows: Sequence[LabelledRow], categories: Sequence[str]) -> dict[str, dict[str, dict[str, int]]]:
    labels = [name for name in SPECIES if any(row.label == name for row in rows)]
    counted = Counter((name, row.label, getattr(row.penguin, name)) for row in rows for name in categories)
    return {
        name: {label: {value: counted[name, label, value] for value in CATEGORIES[name]} for label in labels}
        for name in categories
    }


def _unseen(counts: Mapping[str, Mapping[str, Mapping[str, int]]], rows: int) -> list[Unseen]:
    found = []
    for name, by_label in counts.items():
        for label, value in product(by_label, CATEGORIES[name]):
            of_value = sum(row[value] for row in by_label.values())
            expected = sum(by_label[label].values()) * of_value / rows
            if by_label[label][value] == 0 and expected >= MIN_EXPECTED:
                found.append(Unseen(label=label, category=name, value=value))
    return found


def _sample(keys: Sequence[Key], most: int) -> list[int]:
    """Indices of at most so many rows, of every group in proportion, evenly over its rows in their order."""
    if len(keys) <= most:
        return list(range(len(keys)))
    chosen: list[int] = []
    by_group: dict[Key, list[int]] = {}
    for index, key in enumerate(keys):
        by_group.setdefault(key, []).append(index)
    taken = passed = 0
    for indexes in by_group.values():
        passed += len(indexes)
        share = min(len(indexes), max(1, round(most * passed / len(keys)) - taken))
        taken += share
        chosen += [indexes[(2 * step + 1) * len(indexes) // (2 * share)] for step in range(share)]
    return sorted(chosen)


def _rounded(values: "Numbers") -> tuple[float, ...]:
    return tuple(float(f"{value:.{_SIGNIFICANT}g}") for value in values.tolist())
