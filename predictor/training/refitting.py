"""Probabilities of rows that an estimator has not seen: clones of it, fitted in cross-validation.

Runs in the worker of `predictor.publishing` as well, so it needs nothing but numpy, pandas and scikit-learn.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.base import clone

from predictor.errors import NotRefittable
from predictor.text import describe_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS: Final = 10
_SEED: Final = 20140305


def assign_folds(labels: Sequence[str], folds: int = FOLDS) -> list[int]:
    """The fold of each row: every label's rows in turn, so that each fold has its share of each.

    Fewer folds where a label has fewer rows. Raises `NotRefittable` when a label has only one.
    """
    label, least = min(Counter(labels).items(), key=lambda item: item[1])
    if least < 2:
        raise NotRefittable(f"the reference has only one row with the label {label}")
    most = min(folds, least)
    seen: Counter[str] = Counter()
    assigned = []
    for name in labels:
        assigned.append(seen[name] % most)
        seen[name] += 1
    return assigned


def refit(estimator: Any, features: Any, classes: Sequence[int], folds: Sequence[int]) -> "NDArray[np.float64]":
    """`predict_proba` of clones that were fitted without the row's fold, shape (rows, classes).

    `features`: a data frame or an array. `classes`: each row's index in `estimator.classes_`. Raises `NotRefittable`.
    """
    kind = type(estimator).__name__
    if (part := next(_prefitted(estimator), None)) is not None:
        raise NotRefittable(f"the {kind} holds a {part} that keeps what it was fitted on")
    names = np.asarray(estimator.classes_)
    targets, assigned = names[np.asarray(classes)], np.asarray(folds)
    result = np.zeros((len(assigned), len(names)))
    np.random.seed(_SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for fold in range(assigned.max() + 1):
            held_out = assigned == fold
            try:
                fitted = clone(estimator).fit(_rows(features, ~held_out), targets[~held_out])
                probabilities = fitted.predict_proba(_rows(features, held_out))
            except Exception as error:  # Estimators raise anything.
                raise NotRefittable(f"a clone of the {kind} cannot be fitted ({describe_error(error)})") from error
            indexes = [names.tolist().index(name) for name in fitted.classes_.tolist()]
            result[np.ix_(held_out, indexes)] = probabilities
    return result


def _rows(features: Any, chosen: "NDArray[np.bool_]") -> Any:
    return features.loc[chosen] if hasattr(features, "loc") else features[chosen]


def _prefitted(value: Any, seen: set[int] | None = None) -> Iterator[str]:
    """The classes of parts that a clone does not fit anew."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, list | tuple):
        for item in value:
            yield from _prefitted(item, seen)
    elif hasattr(value, "get_params") and not isinstance(value, type):
        parameters = value.get_params(deep=False)
        if type(value).__name__ == "FrozenEstimator" or parameters.get("cv") == "prefit":
            yield type(value).__name__
        yield from _prefitted(list(parameters.values()), seen)
