"""The comparison behind the choice of the model: `python -m predictor.training.penguin_selection` prints its table.

It is not part of `train`, because it takes minutes. XGBoost and LightGBM are compared where they are installed.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, Final

from joblib import Parallel, delayed
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from predictor.schema import MEASUREMENTS
from predictor.training.dataset import Dataset, load_penguins
from predictor.training.fitted_model import ENCODED
from predictor.training.penguin_evaluation import evaluate
from predictor.training.penguin_metrics import Evaluation

_MEASURED: Final = tuple(MEASUREMENTS)
_SEX: Final = ("sex_female", "sex_male")
_ISLAND: Final = tuple(name for name in ENCODED if name.startswith("island_"))
# Covariances need linearly independent columns: one of each group of dummies is left out.
INPUTS: Final[dict[str, tuple[str, ...]]] = {
    "measurements": _MEASURED,
    "+ sex": (*_MEASURED, *_SEX),
    "+ sex, island": (*_MEASURED, *_SEX, *_ISLAND),
}
INDEPENDENT_INPUTS: Final[dict[str, tuple[str, ...]]] = {
    "measurements": _MEASURED,
    "+ sex": (*_MEASURED, _SEX[0]),
    "+ sex, island": (*_MEASURED, _SEX[0], *_ISLAND[1:]),
}

Candidate = tuple[str, str, Callable[[], Any]]
"""Name, inputs, and what makes an unfitted estimator."""


def candidates() -> Iterator[Candidate]:
    """Every model and set of inputs that was considered."""
    models: list[tuple[str, Callable[[], Any], dict[str, tuple[str, ...]]]] = [
        *((f"logistic regression, C = {c:g}", _logistic(c), INPUTS) for c in (0.1, 1, 10, 100, 1000)),
        ("linear discriminant analysis", LinearDiscriminantAnalysis, INDEPENDENT_INPUTS),
        ("quadratic discriminant analysis", _quadratic, INDEPENDENT_INPUTS),
        ("Gaussian naive Bayes", GaussianNB, {"measurements": _MEASURED}),
        ("support vectors (RBF), calibrated", _support_vectors, INPUTS),
        ("15 nearest neighbours", lambda: KNeighborsClassifier(15), INPUTS),
        ("random forest, 100 trees", lambda: RandomForestClassifier(100, random_state=0), INPUTS),
        ("gradient boosting", lambda: GradientBoostingClassifier(random_state=0), INPUTS),
        *(_boosters()),
    ]
    for name, make, inputs in models:
        for described, columns in inputs.items():
            yield name, described, _with_inputs(make, columns)


def _boosters() -> Iterator[tuple[str, Callable[[], Any], dict[str, tuple[str, ...]]]]:
    if find_spec("xgboost"):
        from xgboost import XGBClassifier

        yield "XGBoost", lambda: XGBClassifier(random_state=0, n_jobs=1), INPUTS
    if find_spec("lightgbm"):
        from lightgbm import LGBMClassifier

        yield "LightGBM", lambda: LGBMClassifier(random_state=0, n_jobs=1, verbose=-1), INPUTS


def _logistic(c: float) -> Callable[[], Any]:
    return lambda: LogisticRegression(C=c, solver="newton-cholesky", tol=1e-10, max_iter=1000)


def _quadratic() -> Any:
    return QuadraticDiscriminantAnalysis(reg_param=0.01)  # Unregularised it fails: one island has one species.


def _support_vectors() -> Any:
    return CalibratedClassifierCV(SVC(C=10), ensemble=False)


def _with_inputs(make: Callable[[], Any], columns: tuple[str, ...]) -> Callable[[], Any]:
    measured = [ENCODED.index(name) for name in columns if name in _MEASURED]
    dummies = [ENCODED.index(name) for name in columns if name not in _MEASURED]
    features = ColumnTransformer([("measurements", StandardScaler(), measured), ("dummies", "passthrough", dummies)])
    return lambda: Pipeline([("features", features), ("classifier", make())])


def _row(candidate: Candidate, dataset: Dataset) -> str:
    name, inputs, make = candidate
    return format_row(name, inputs, evaluate(make, dataset))


HEADER: Final = (
    "| model | inputs | accuracy | log loss | calibration error | other island: accuracy, log loss"
    " | 2009: right of 117 + 2 unsexed, log loss | left-out island: right of 146 |\n|---|---|---|---|---|---|---|---|"
)


def format_row(name: str, inputs: str, figures: Evaluation) -> str:
    """One line of the table, as Markdown."""
    metrics = figures.metrics()
    accuracy, loss = figures.accuracy, figures.log_loss
    return " | ".join(
        [
            f"| {name}",
            inputs,
            f"{accuracy.mean:.4f} ± {accuracy.sd:.4f}",
            f"{loss.mean:.4f} ± {loss.sd:.4f}",
            f"{figures.calibration_error:.4f}",
            f"{metrics['other_island_accuracy']:.4f}, {figures.other_island.log_loss:.4f}",
            f"{figures.later_year.correct} + {figures.later_year_unsexed.correct}, {figures.later_year.log_loss:.4f}",
            f"{metrics['left_out_island_correct']:.0f} |",
        ]
    )


def main() -> None:
    """Print the table, one line per candidate in their order."""
    dataset = load_penguins()
    print(HEADER)  # noqa: T201  This module is a command.
    for row in Parallel(n_jobs=-1, return_as="generator")(delayed(_row)(item, dataset) for item in candidates()):
        print(row, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
