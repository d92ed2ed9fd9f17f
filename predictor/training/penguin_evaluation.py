"""How good an estimator is: cross-validation, a later year, another island, and how well it is calibrated.

Everything here is measured on birds that the estimator was not fitted on.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.model_selection import RepeatedStratifiedKFold

from predictor.penguin import SPECIES, Penguin
from predictor.schema import CATEGORIES
from predictor.training.dataset import Dataset, IncompleteRow, LabelledRow
from predictor.training.fitted_model import encode
from predictor.training.penguin_metrics import Evaluation, MeanAndSd, ReliabilityBin, Score

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Probabilities = NDArray[np.float64]
    Classes = NDArray[np.int64]

ISLANDS: Final = CATEGORIES["island"]
FOLDS: Final = 10
REPEATS: Final = 10
SEED: Final = 20140305  # The day on which Gorman, Williams & Fraser appeared.
TEST_YEAR: Final = 2009
RELIABILITY_EDGES: Final = (0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 1.0)

Make = Callable[[], Any]
"""Makes an unfitted estimator that takes the columns `fitted_model.ENCODED` and integer classes."""


def evaluate(make: Make, dataset: Dataset, *, folds: int = FOLDS, repeats: int = REPEATS) -> Evaluation:
    """Measure the estimators that `make` gives. The data set itself is never fitted as a whole."""
    penguins = dataset.penguins
    truth = _classes(dataset.labels)
    held_out = _cross_validate(make, penguins, truth, folds, repeats)
    actual = held_out[:, np.arange(len(penguins)), [ISLANDS.index(p.island) for p in penguins]]
    reliability = _reliability(actual, truth)
    return Evaluation(
        accuracy=_spread([float(np.mean(p.argmax(axis=1) == truth)) for p in actual]),
        log_loss=_spread([_log_loss(p, truth) for p in actual]),
        other_island=_other_islands(held_out, penguins, truth),
        later_year=_later_year(make, dataset),
        later_year_unsexed=_later_year_unsexed(make, dataset),
        left_out_island={island: _left_out(make, penguins, truth, island) for island in ISLANDS},
        reliability=reliability,
        calibration_error=_calibration_error(reliability),
    )


def _year(bird: LabelledRow | IncompleteRow) -> int:
    return int(bird.extra["year"])


def _classes(species: Sequence[str]) -> "Classes":
    return np.array([SPECIES.index(name) for name in species], dtype=np.int64)


def _predict(make: Make, train: "pd.DataFrame", truth: "Classes", *tests: "pd.DataFrame") -> list["Probabilities"]:
    """Fit once, predict each test set; a species that is not in the training set gets probability 0."""
    # Some libraries demand the classes 0..k-1, whatever is missing.
    present, labels = np.unique(truth, return_inverse=True)
    estimator = make().fit(train, labels)
    results = []
    for test in tests:
        probabilities = np.zeros((len(test), len(SPECIES)))
        probabilities[:, present] = estimator.predict_proba(test)
        results.append(probabilities)
    return results


def _on_island(penguins: Sequence[Penguin], island: str) -> list[Penguin]:
    return [penguin.model_copy(update={"island": island}) for penguin in penguins]


def _cross_validate(
    make: Make, penguins: Sequence[Penguin], truth: "Classes", folds: int, repeats: int
) -> "Probabilities":
    """Held-out probabilities, shape (repeats, birds, islands, species): each bird as if seen on each island."""
    frame = encode(penguins)
    elsewhere = [encode(_on_island(penguins, island)) for island in ISLANDS]
    splitter = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=SEED)
    result = np.zeros((repeats, len(penguins), len(ISLANDS), len(SPECIES)))
    for number, (train, test) in enumerate(splitter.split(frame, truth)):
        tests = [island.iloc[test] for island in elsewhere]
        predicted = _predict(make, frame.iloc[train], truth[train], *tests)
        result[number // folds, test] = np.stack(predicted, axis=1)
    return result


def _other_islands(held_out: "Probabilities", penguins: Sequence[Penguin], truth: "Classes") -> Score:
    other = np.array([[penguin.island != island for island in ISLANDS] for penguin in penguins])
    probabilities = held_out[:, other].reshape(-1, len(SPECIES))
    return _score(probabilities, np.tile(np.repeat(truth, other.sum(axis=1)), len(held_out)))


def _later_year(make: Make, dataset: Dataset) -> Score:
    earlier = [bird for bird in dataset.rows if _year(bird) < TEST_YEAR]
    later = [bird for bird in dataset.rows if _year(bird) == TEST_YEAR]
    train, test = encode([bird.penguin for bird in earlier]), encode([bird.penguin for bird in later])
    (probabilities,) = _predict(make, train, _classes([bird.label for bird in earlier]), test)
    return _score(probabilities, _classes([bird.label for bird in later]))


def _later_year_unsexed(make: Make, dataset: Dataset) -> Score:
    earlier = [bird for bird in dataset.rows if _year(bird) < TEST_YEAR]
    unsexed = [
        bird
        for bird in dataset.incomplete
        if _year(bird) == TEST_YEAR and [violation.pointer for violation in bird.violations] == ["/sex"]
    ]
    tests = [
        encode([Penguin.model_validate({**bird.recorded, "sex": sex}) for bird in unsexed]) for sex in CATEGORIES["sex"]
    ]
    train = encode([bird.penguin for bird in earlier])
    by_sex = _predict(make, train, _classes([bird.label for bird in earlier]), *tests)
    truth = _classes([bird.label for bird in unsexed])
    right = np.all([probabilities.argmax(axis=1) == truth for probabilities in by_sex], axis=0)
    loss = _log_loss(np.mean(by_sex, axis=0), truth)
    return Score(len(unsexed), int(right.sum()), round(loss, 4))


def _left_out(make: Make, penguins: Sequence[Penguin], truth: "Classes", island: str) -> Score:
    away = np.array([penguin.island == island for penguin in penguins])
    known = away & np.isin(truth, truth[~away])
    frame = encode(penguins)
    (probabilities,) = _predict(make, frame[~away], truth[~away], frame[known])
    return _score(probabilities, truth[known])


def _score(probabilities: "Probabilities", truth: "Classes") -> Score:
    correct = int(np.sum(probabilities.argmax(axis=1) == truth))
    return Score(len(truth), correct, round(_log_loss(probabilities, truth), 4))


def _log_loss(probabilities: "Probabilities", truth: "Classes") -> float:
    """Mean of -ln p(true species); p is taken as 1e-15 at least, so that one impossible bird stays finite."""
    of_truth = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(of_truth, 1e-15, 1.0)).mean())


def _spread(values: Sequence[float]) -> MeanAndSd:
    return MeanAndSd(round(float(np.mean(values)), 4), round(float(np.std(values)), 4))


def _reliability(probabilities: "Probabilities", truth: "Classes") -> tuple[ReliabilityBin, ...]:
    """One bin per pair of edges over all (repeat, bird, species) probabilities; empty bins are left out."""
    pairs = probabilities.reshape(-1)
    came_true = (truth[:, None] == np.arange(len(SPECIES))).astype(float)
    outcomes = np.broadcast_to(came_true, probabilities.shape).reshape(-1)
    which = np.searchsorted(RELIABILITY_EDGES[1:-1], pairs, side="right")
    bins = []
    for index in range(len(RELIABILITY_EDGES) - 1):
        inside = which == index
        if inside.any():
            low, high = RELIABILITY_EDGES[index : index + 2]
            predicted, observed = float(pairs[inside].mean()), float(outcomes[inside].mean())
            bins.append(ReliabilityBin(low, high, int(inside.sum()), round(predicted, 4), round(observed, 4)))
    return tuple(bins)


def _calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    total = sum(item.count for item in bins)
    return round(sum(item.count * abs(item.predicted - item.observed) for item in bins) / total, 4)
