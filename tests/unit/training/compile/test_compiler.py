"""Which estimators have a compiled form, and that it is right where answers jump: at every threshold."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, QuantileTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from predictor.artifacts import InputColumn, one_hot_input
from predictor.batch import PenguinColumns
from predictor.errors import NotCompilable
from predictor.models.compiled import Form, LinearForm, TreesForm, compiled_engine, form_from_bytes, form_to_bytes
from predictor.models.compiled.trees import TreesEngine
from predictor.penguin import Penguin
from predictor.schema import CATEGORIES, COMBINATIONS, FEATURES, MEASUREMENTS, RANGES
from predictor.training.compile import compile_estimator
from predictor.training.fitted_model import ENCODED, encode
from predictor.training.random_penguins import random_columns, to_penguins

RAW = tuple(InputColumn(name=name, feature=name) for name in FEATURES)
ONE_HOT = one_hot_input(ENCODED)
LIMIT = 2e-7  # Answers are float32.


def some_penguins(seed: int, count: int) -> PenguinColumns:
    return random_columns(np.random.default_rng(seed), RANGES, count, decimals=1)


def labels_of(columns: PenguinColumns, classes: int) -> Any:
    """Classes that depend on every feature, so that trees split on all of them."""
    lowest, highest = np.array(list(RANGES.values())).T
    shares = ((columns.measurements - lowest) / (highest - lowest)).sum(axis=1) + columns.combinations / 3
    return np.digitize(shares, np.quantile(shares, np.arange(1, classes) / classes))


def raw(penguins: list[Penguin]) -> Any:
    import pandas as pd

    return pd.DataFrame([penguin.model_dump() for penguin in penguins])[list(FEATURES)]


def encoded(penguins: list[Penguin]) -> Any:
    return encode(penguins).astype(float)


def at_thresholds(form: Form, columns: PenguinColumns) -> PenguinColumns:
    """These penguins, and some with a measurement at, just below and just above each threshold."""
    rng = np.random.default_rng(1)
    measurements = [columns.measurements]
    combinations = [columns.combinations]
    for split in form.columns if isinstance(form, TreesForm) else ():
        if split.column not in MEASUREMENTS:
            continue
        place = MEASUREMENTS.index(split.column)
        low, high = RANGES[split.column]
        for threshold in split.thresholds:
            single = np.float32(threshold)
            near = [threshold, np.nextafter(threshold, -np.inf), np.nextafter(threshold, np.inf), float(single)]
            near += [float(np.nextafter(single, np.float32(end))) for end in (-np.inf, np.inf)]
            values = np.array([value for value in near if low <= value <= high])
            copies = rng.integers(len(columns), size=len(values))
            copied = columns.measurements[copies]
            copied[:, place] = values
            measurements.append(copied)
            combinations.append(columns.combinations[copies])
    return PenguinColumns(np.concatenate(measurements), np.concatenate(combinations))


def check_at_thresholds(form: Form, estimator: Any, frame_of: Any, columns: PenguinColumns) -> None:
    """The form's answers are the estimator's for penguins at, just below and just above each threshold."""
    everyone = at_thresholds(form, columns)
    expected = estimator.predict_proba(frame_of(to_penguins(everyone)))
    actual = compiled_engine(form).batch_probabilities(everyone)
    assert np.abs(actual - expected).max() <= LIMIT


def leaves_by_library(estimator: Any, frame: Any) -> Any:
    """The leaf of each row in each tree, shape (rows, trees), trees in the form's order; None where none are given."""
    model = estimator
    if isinstance(estimator, Pipeline):
        model, frame = estimator[-1], estimator[:-1].transform(frame)
    if isinstance(model, HistGradientBoostingClassifier):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GradientBoostingClassifier hands names to trees that have none.
        found = model.predict(frame, pred_leaf=True) if isinstance(model, LGBMClassifier) else model.apply(frame)
    found = np.asarray(found).reshape(len(frame), -1)
    if isinstance(model, XGBClassifier | LGBMClassifier | GradientBoostingClassifier):  # Round by round.
        scores = len(model.classes_) if len(model.classes_) > 2 else 1
        found = found.reshape(len(frame), -1, scores).transpose(0, 2, 1).reshape(len(frame), -1)
    return found


def check_leaves(form: TreesForm, estimator: Any, frame_of: Any, columns: PenguinColumns) -> None:
    """Penguins that share a leaf of a tree share one of the library's, and the other way round.

    They are numbered in other ways. The probabilities tell whether the leaves have the right values.
    """
    engine, penguins = compiled_engine(form), to_penguins(at_thresholds(form, columns))
    theirs = leaves_by_library(estimator, frame_of(penguins))
    if theirs is None:
        return
    assert isinstance(engine, TreesEngine)
    ours = np.array([engine.leaves(penguin) for penguin in penguins])
    assert ours.shape == theirs.shape
    for mine, own in zip(ours.T, theirs.T, strict=True):
        pairs = set(zip(mine.tolist(), own.tolist(), strict=True))
        assert len(pairs) == len(set(mine.tolist())) == len(set(own.tolist()))


LIBRARIES: dict[str, Any] = {
    "decision tree": lambda seed: DecisionTreeClassifier(max_leaf_nodes=40, random_state=seed),
    "forest": lambda seed: RandomForestClassifier(5, max_leaf_nodes=30, random_state=seed),
    "extra trees": lambda seed: ExtraTreesClassifier(5, max_leaf_nodes=60, random_state=seed),
    "gradient boosting": lambda seed: GradientBoostingClassifier(n_estimators=4, random_state=seed),
    "histogram boosting": lambda seed: HistGradientBoostingClassifier(max_iter=4, random_state=seed),
    "xgboost": lambda seed: XGBClassifier(n_estimators=4, max_depth=5, n_jobs=1, random_state=seed),
    "lightgbm": lambda seed: LGBMClassifier(n_estimators=4, n_jobs=1, verbose=-1, random_state=seed),
}


@pytest.mark.parametrize("library", LIBRARIES)
@settings(max_examples=5, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    classes=st.sampled_from([2, 3]),
    scaled=st.booleans(),
    decimals=st.sampled_from([0, 1, 2, 15]),
)
def test_trees_choose_the_librarys_leaf_at_below_and_above_every_threshold(
    library: str, seed: int, classes: int, scaled: bool, decimals: int
) -> None:
    columns = random_columns(np.random.default_rng(seed), RANGES, 200, decimals)
    labels = labels_of(columns, classes)
    estimator = LIBRARIES[library](seed)
    if scaled:
        estimator = make_pipeline(StandardScaler(), estimator)
    frame = encoded(to_penguins(columns))
    estimator.fit(frame, labels)
    form = compile_estimator(estimator, ONE_HOT)
    assert isinstance(form, TreesForm)
    check_at_thresholds(form, estimator, encoded, columns)
    check_leaves(form, estimator, encoded, columns)


def behind(encoder: Any, scaler: Any, last: Any) -> Pipeline:
    return make_pipeline(make_column_transformer((scaler, list(MEASUREMENTS)), (encoder, list(CATEGORIES))), last)


def boosted() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=5, random_state=0)


def forest() -> RandomForestClassifier:
    return RandomForestClassifier(8, max_leaf_nodes=30, random_state=0)


def regression() -> LogisticRegression:
    return LogisticRegression(max_iter=2000)


ON_RAW_COLUMNS: dict[str, tuple[Any, type[Form]]] = {
    "one-hot, regression": (behind(OneHotEncoder(), StandardScaler(), regression()), LinearForm),
    "one-hot, discriminant": (behind(OneHotEncoder(), StandardScaler(), LinearDiscriminantAnalysis()), LinearForm),
    "ordinal, regression": (behind(OrdinalEncoder(), StandardScaler(), regression()), LinearForm),
    "one-hot, forest": (behind(OneHotEncoder(), "passthrough", forest()), TreesForm),
    "first dropped, forest": (behind(OneHotEncoder(drop="first"), StandardScaler(), forest()), TreesForm),
    "ordinal, boosting": (behind(OrdinalEncoder(), SimpleImputer(), boosted()), TreesForm),
    "quantiles, forest": (behind(OneHotEncoder(), QuantileTransformer(n_quantiles=50), forest()), TreesForm),
    "imputer and encoder, forest": (
        behind(make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), StandardScaler(), forest()),
        TreesForm,
    ),
    "scaled twice, regression": (
        behind(OneHotEncoder(), StandardScaler(), make_pipeline(StandardScaler(), regression())),
        LinearForm,
    ),
    "vote": (
        behind(OneHotEncoder(), "passthrough", VotingClassifier([("a", forest()), ("b", boosted())], voting="soft")),
        TreesForm,
    ),
    "bagging": (
        behind(
            OneHotEncoder(),
            "passthrough",
            BaggingClassifier(DecisionTreeClassifier(max_leaf_nodes=20), 5, max_features=6, random_state=0),
        ),
        TreesForm,
    ),
    "calibrated": (
        behind(OneHotEncoder(), "passthrough", CalibratedClassifierCV(forest(), method="sigmoid", cv=2)),
        TreesForm,
    ),
}


SLOW = ("vote", "bagging", "calibrated")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] if kind in SLOW else []) for kind in ON_RAW_COLUMNS]
)
def test_steps_in_front_are_compiled_with_the_model(kind: str) -> None:
    estimator, form_type = ON_RAW_COLUMNS[kind]
    columns = some_penguins(3, 300)
    estimator.fit(raw(to_penguins(columns)), labels_of(columns, 3))
    form = compile_estimator(estimator, RAW)
    assert isinstance(form, form_type)
    check_at_thresholds(form, estimator, raw, columns)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("library", ["decision tree", "forest", "gradient boosting", "histogram boosting", "lightgbm"])
def test_isotonic_calibration_is_compiled_with_the_trees(library: str, classes: int) -> None:
    columns = some_penguins(8, 300)
    estimator = CalibratedClassifierCV(LIBRARIES[library](1), method="isotonic", cv=2)
    estimator.fit(encoded(to_penguins(columns)), labels_of(columns, classes))
    form = form_from_bytes(form_to_bytes(compile_estimator(estimator, ONE_HOT)), classes)
    check_at_thresholds(form, estimator, encoded, columns)
    engine = compiled_engine(form)
    alone = np.array([engine.probabilities(penguin) for penguin in to_penguins(columns)], np.float32)
    assert np.array_equal(alone, engine.batch_probabilities(columns))


def test_a_model_fitted_without_names_is_given_an_array() -> None:
    columns = some_penguins(4, 200)
    estimator = make_pipeline(StandardScaler(), forest())
    estimator.fit(encoded(to_penguins(columns)).to_numpy(), labels_of(columns, 3))
    form = compile_estimator(estimator, ONE_HOT)
    check_at_thresholds(form, estimator, lambda penguins: encoded(penguins).to_numpy(), columns)


def test_categories_are_spelled_as_the_model_knows_them() -> None:
    columns = some_penguins(5, 200)
    names = {"male": "Male", "female": "Female"}

    def frame_of(penguins: list[Penguin]) -> Any:
        return raw(penguins).replace({"sex": names})

    estimator = behind(OneHotEncoder(), "passthrough", forest())
    estimator.fit(frame_of(to_penguins(columns)), labels_of(columns, 3))
    spelled = [column.model_copy(update={"values": names}) if column.name == "sex" else column for column in RAW]
    check_at_thresholds(compile_estimator(estimator, spelled), estimator, frame_of, columns)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (KNeighborsClassifier(), "it is neither linear nor made of trees"),
        (RandomForestClassifier(2, random_state=0), "a tree has more than 64 leaves"),
        (make_pipeline(PCA(3), RandomForestClassifier(2)), "a step makes one column from"),
        (
            CalibratedClassifierCV(DecisionTreeClassifier(max_depth=3), method="temperature", cv=2),
            "by temperature",
        ),
        (CalibratedClassifierCV(LinearDiscriminantAnalysis(), method="isotonic", cv=2), "nor made of trees"),
        (make_pipeline(QuantileTransformer(n_quantiles=9), LogisticRegression()), "otherwise than by a factor"),
    ],
    ids=["neighbours", "large-trees", "mixed-columns", "temperature", "isotonic-linear", "quantiles"],
)
def test_a_model_without_a_form_says_why(last: Any, reason: str) -> None:
    columns = some_penguins(6, 1500)
    labels = np.random.default_rng(0).permutation(labels_of(columns, 3))  # Noise makes large trees.
    estimator = last.fit(encoded(to_penguins(columns)), labels)
    with pytest.raises(NotCompilable, match=reason):
        compile_estimator(estimator, ONE_HOT)


def test_combinations_are_all_answered() -> None:
    """A form on the categories alone answers for each of their combinations."""
    columns = PenguinColumns(some_penguins(7, 200).measurements, np.arange(200) % len(COMBINATIONS))
    estimator = make_pipeline(
        make_column_transformer((OneHotEncoder(), list(CATEGORIES))), DecisionTreeClassifier(random_state=0)
    )
    estimator.fit(raw(to_penguins(columns)), columns.combinations % 3)
    check_at_thresholds(compile_estimator(estimator, RAW), estimator, raw, columns)
