"""Models as people make them: code that imports nothing of this project.

`CASES` names each kind. `make(case, csv, folder)` fits it, saves it in `folder`, and says how it is published and what
the model itself answers for every complete bird of the CSV file.
"""

import gzip
import json
import pickle
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    LabelEncoder,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

MEASUREMENTS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
CATEGORIES = ["sex", "island"]
CLASSES = ["Adelie", "Chinstrap", "Gentoo"]


@dataclass(frozen=True)
class Made:
    """Files and options for `publish`, and what the model's own methods answer."""

    arguments: list[str]
    probabilities: np.ndarray[Any, Any]
    predictions: list[str]


@dataclass(frozen=True)
class Case:
    """How to make one model: which birds it sees, the estimator, how classes are labelled, how it is saved."""

    frame: Callable[[pd.DataFrame], Any]
    estimator: Callable[[], Any]
    labels: str
    """`strings`, or `numbers` with an `encoder` file, with `--classes`, or with a file of classes."""
    save: Callable[[Any, Any, Path], list[str]]


# --- what the estimator is fitted on --------------------------------------------------------------------------------


def raw(birds: pd.DataFrame) -> pd.DataFrame:
    return birds


def raw_of_seaborn(birds: pd.DataFrame) -> pd.DataFrame:
    """seaborn's copy of the data set says Male and Female."""
    return birds.assign(sex=birds["sex"].str.capitalize())


def raw_of_categories(birds: pd.DataFrame) -> pd.DataFrame:
    return birds.astype(dict.fromkeys(CATEGORIES, "category"))


def measurements(birds: pd.DataFrame) -> pd.DataFrame:
    return birds[MEASUREMENTS]


def bill_and_island(birds: pd.DataFrame) -> pd.DataFrame:
    return birds[["island", "bill_depth_mm", "bill_length_mm"]]


def dummies(birds: pd.DataFrame) -> pd.DataFrame:
    return pd.get_dummies(birds, columns=CATEGORIES)


def numbers(birds: pd.DataFrame) -> pd.DataFrame:
    return dummies(birds).astype(float)


def drop_first(birds: pd.DataFrame) -> pd.DataFrame:
    return pd.get_dummies(birds, columns=CATEGORIES, drop_first=True)


def dummies_of_seaborn(birds: pd.DataFrame) -> pd.DataFrame:
    return dummies(raw_of_seaborn(birds))


def upper_case(birds: pd.DataFrame) -> pd.DataFrame:
    return dummies(birds).rename(columns=str.upper)


def array(birds: pd.DataFrame) -> Any:
    return numbers(birds).to_numpy()


def array_of_measurements(birds: pd.DataFrame) -> Any:
    return birds[MEASUREMENTS].to_numpy()


# --- estimators -----------------------------------------------------------------------------------------------------


def regression() -> Any:
    return LogisticRegression(max_iter=5000)


def forest() -> Any:
    return RandomForestClassifier(30, random_state=0)


def histogram() -> Any:
    return HistGradientBoostingClassifier(max_iter=20, random_state=0)


def xgboost() -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=25, max_depth=3, random_state=0)


def lightgbm() -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=20, random_state=0, verbose=-1)


def encoded(estimator: Any, **one_hot: Any) -> Any:
    """A pipeline on the raw columns."""
    return make_pipeline(
        make_column_transformer(
            (StandardScaler(), MEASUREMENTS), (OneHotEncoder(sparse_output=False, **one_hot), CATEGORIES)
        ),
        estimator,
    )


def trees(estimator: Any) -> Any:
    """A pipeline on the raw columns that leaves the measurements as they are."""
    return make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), CATEGORIES), remainder="passthrough"),
        estimator,
    )


def ordinal(estimator: Any) -> Any:
    return make_pipeline(make_column_transformer((OrdinalEncoder(), CATEGORIES), remainder="passthrough"), estimator)


def imputed(estimator: Any) -> Any:
    """An imputer in front of each kind of column."""
    return make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), RobustScaler()), MEASUREMENTS),
            (
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
                CATEGORIES,
            ),
        ),
        estimator,
    )


def selected(estimator: Any) -> Any:
    """Columns chosen by their type."""
    return make_pipeline(
        make_column_transformer(
            (MinMaxScaler(), make_column_selector(dtype_include="number")),
            (OneHotEncoder(drop="if_binary"), make_column_selector(dtype_exclude="number")),
        ),
        estimator,
    )


def boosters_encoded(estimator: Any) -> Any:
    return make_pipeline(
        make_column_transformer((OneHotEncoder(sparse_output=False), CATEGORIES), remainder="passthrough"), estimator
    )


# --- how it is saved ------------------------------------------------------------------------------------------------


def in_joblib(model: Any, _frame: Any, folder: Path) -> list[str]:
    joblib.dump(model, folder / "model.joblib")
    return [str(folder / "model.joblib")]


def in_pickle(model: Any, _frame: Any, folder: Path) -> list[str]:
    (folder / "model.pickle").write_bytes(pickle.dumps(model))
    return [str(folder / "model.pickle")]


def compressed(model: Any, _frame: Any, folder: Path) -> list[str]:
    joblib.dump(model, folder / "model.joblib", compress=3)
    return [str(folder / "model.joblib")]


def gzipped(model: Any, _frame: Any, folder: Path) -> list[str]:
    (folder / "model.pkl.gz").write_bytes(gzip.compress(pickle.dumps(model, protocol=2)))
    return [str(folder / "model.pkl.gz")]


def in_skops(model: Any, _frame: Any, folder: Path) -> list[str]:
    import skops.io

    skops.io.dump(model, folder / "model.skops")
    return [str(folder / "model.skops")]


def without_onnx(model: Any, frame: Any, folder: Path) -> list[str]:
    """For a model whose ONNX form differs: products of float32 measurements far outside the data set."""
    return [*in_joblib(model, frame, folder), "--without-onnx"]


def with_columns_file(model: Any, frame: Any, folder: Path) -> list[str]:
    joblib.dump(list(frame.columns), folder / "columns.pkl")
    return [str(folder / "columns.pkl"), *in_joblib(model, frame, folder)]


def with_columns_option(model: Any, frame: Any, folder: Path) -> list[str]:
    names = [*MEASUREMENTS, "sex_female", "sex_male", "island_Biscoe", "island_Dream", "island_Torgersen"]
    return [*in_joblib(model, frame, folder), "--columns", ",".join(names[: frame.shape[1]])]


def with_columns_in_a_text_file(model: Any, frame: Any, folder: Path) -> list[str]:
    names = [*MEASUREMENTS, "sex_female", "sex_male", "island_Biscoe", "island_Dream", "island_Torgersen"]
    (folder / "columns.txt").write_text("\n".join(names[: frame.shape[1]]) + "\n")
    return [str(folder / "columns.txt"), *in_joblib(model, frame, folder)]


def xgboost_json(model: Any, _frame: Any, folder: Path) -> list[str]:
    model.save_model(folder / "model.json")
    return [str(folder / "model.json")]


def xgboost_ubj(model: Any, _frame: Any, folder: Path) -> list[str]:
    model.save_model(folder / "model.ubj")
    return [str(folder / "model.ubj")]


def xgboost_of_an_array(model: Any, frame: Any, folder: Path) -> list[str]:
    model.save_model(folder / "model.json")
    return [str(folder / "model.json"), *with_columns_option(model, frame, folder)[1:]]


def lightgbm_text(model: Any, _frame: Any, folder: Path) -> list[str]:
    model.booster_.save_model(folder / "model.txt")
    return [str(folder / "model.txt")]


def onnx_of_one_tensor(model: Any, frame: Any, folder: Path) -> list[str]:
    from skl2onnx import to_onnx

    graph = to_onnx(model, frame.to_numpy()[:1].astype(np.float32), options={"zipmap": False})
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    return [str(folder / "model.onnx"), "--columns", ",".join(frame.columns)]


def onnx_of_named_inputs(model: Any, frame: pd.DataFrame, folder: Path) -> list[str]:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

    kinds = [(name, (StringTensorType if name in CATEGORIES else DoubleTensorType)([None, 1])) for name in frame]
    graph = to_onnx(model, initial_types=kinds, options={"zipmap": False})
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    return [str(folder / "model.onnx")]


# --- all of them ----------------------------------------------------------------------------------------------------


def _raw(estimator: Callable[[], Any], labels: str = "strings", save: Any = in_joblib, frame: Any = raw) -> Case:
    return Case(frame, estimator, labels, save)


CASES: dict[str, Case] = {
    "regression, raw": _raw(lambda: encoded(regression())),
    "regression, raw, imputers": _raw(lambda: imputed(regression())),
    "regression, raw, columns by type": _raw(lambda: selected(regression())),
    "regression, raw, products of columns": _raw(
        lambda: make_pipeline(encoded(PolynomialFeatures(2)), regression()), save=without_onnx
    ),
    "regression, raw, spelled as seaborn does": _raw(lambda: encoded(regression()), frame=raw_of_seaborn),
    "regression, raw, search": _raw(
        lambda: GridSearchCV(encoded(regression()), {"logisticregression__C": [1, 10]}, cv=2)
    ),
    "regression, raw, numbers and encoder": _raw(lambda: encoded(regression()), "encoder"),
    "regression, raw, compressed": _raw(lambda: imputed(regression()), save=compressed),
    "regression, raw, skops": _raw(lambda: encoded(regression()), save=in_skops),
    "forest, raw": _raw(lambda: trees(forest()), save=in_pickle),
    "forest, raw, numbers and --classes": _raw(lambda: ordinal(forest()), "--classes", gzipped),
    "histogram boosting, raw": _raw(lambda: ordinal(histogram())),
    "histogram boosting, raw, categories": _raw(
        lambda: ordinal(HistGradientBoostingClassifier(max_iter=10, categorical_features=[0, 1]))
    ),
    "histogram boosting, raw, categories of pandas": _raw(
        lambda: HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype"), frame=raw_of_categories
    ),
    "support vectors, raw": _raw(lambda: encoded(CalibratedClassifierCV(SVC(), ensemble=False))),
    "neighbours, raw": _raw(lambda: encoded(KNeighborsClassifier())),
    "bayes, raw": _raw(lambda: encoded(GaussianNB(var_smoothing=0.1))),
    "perceptron, raw": _raw(lambda: encoded(MLPClassifier((8,), max_iter=2000, random_state=0))),
    "tree, raw": _raw(lambda: trees(DecisionTreeClassifier(random_state=0))),
    "extra trees, raw": _raw(lambda: trees(ExtraTreesClassifier(30, random_state=0))),
    "gradient boosting, raw": _raw(lambda: ordinal(GradientBoostingClassifier(n_estimators=20, random_state=0))),
    "ada boost, raw": _raw(
        lambda: trees(AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=20, random_state=0))
    ),
    "linear discriminant, raw": _raw(lambda: encoded(LinearDiscriminantAnalysis())),
    "quadratic discriminant, raw": _raw(lambda: encoded(QuadraticDiscriminantAnalysis(reg_param=0.1), drop="first")),
    "vote, raw": _raw(
        lambda: encoded(VotingClassifier([("a", regression()), ("b", GaussianNB(var_smoothing=0.1))], voting="soft"))
    ),
    "stack, raw": _raw(
        lambda: trees(StackingClassifier([("a", forest()), ("b", KNeighborsClassifier())], regression(), cv=2))
    ),
    "bagging, raw": _raw(lambda: encoded(BaggingClassifier(regression(), 5, random_state=0))),
    "calibrated, raw": _raw(lambda: encoded(CalibratedClassifierCV(LinearSVC(random_state=0), cv=3))),
    "regression, measurements only": Case(
        measurements, lambda: make_pipeline(StandardScaler(), regression()), "strings", in_joblib
    ),
    "forest, bill and island": Case(
        bill_and_island,
        lambda: make_pipeline(
            make_column_transformer((OneHotEncoder(), ["island"]), remainder="passthrough"), forest()
        ),
        "encoder",
        in_joblib,
    ),
    "forest, dummies": Case(dummies, forest, "encoder", with_columns_file),
    "regression, dummies without the first": Case(
        drop_first, lambda: make_pipeline(StandardScaler(), regression()), "encoder", with_columns_file
    ),
    "histogram boosting, seaborn's dummies": Case(dummies_of_seaborn, histogram, "encoder", with_columns_file),
    "extra trees, upper case": Case(upper_case, lambda: ExtraTreesClassifier(30, random_state=0), "strings", in_joblib),
    "regression, array": Case(
        array, lambda: make_pipeline(StandardScaler(), regression()), "strings", with_columns_option
    ),
    "histogram boosting, array": Case(array_of_measurements, histogram, "file", with_columns_in_a_text_file),
    "xgboost, dummies": Case(dummies, xgboost, "encoder", with_columns_file),
    "xgboost, raw": _raw(lambda: boosters_encoded(xgboost()), "--classes"),
    "xgboost, json": Case(numbers, xgboost, "--classes", xgboost_json),
    "xgboost, ubj": Case(numbers, xgboost, "encoder", xgboost_ubj),
    "xgboost, json of an array": Case(array_of_measurements, xgboost, "--classes", xgboost_of_an_array),
    "lightgbm, dummies": Case(dummies, lightgbm, "strings", with_columns_file),
    "lightgbm, raw": _raw(lambda: boosters_encoded(lightgbm())),
    "lightgbm, text": Case(numbers, lightgbm, "--classes", lightgbm_text),
    "forest, onnx of one tensor": Case(numbers, forest, "--classes", onnx_of_one_tensor),
    "regression, onnx of named inputs": _raw(lambda: encoded(regression()), "--classes", onnx_of_named_inputs),
}


def read_birds(csv: Path) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    """Every complete bird and its species."""
    birds = pd.read_csv(csv).dropna().reset_index(drop=True)
    return birds[[*MEASUREMENTS, *CATEGORIES]].astype(dict.fromkeys(MEASUREMENTS, float)), birds["species"]


def make(case: Case, csv: Path, folder: Path) -> Made:
    birds, species = read_birds(csv)
    folder.mkdir(parents=True, exist_ok=True)
    encoder = LabelEncoder().fit(species)
    labels = species if case.labels == "strings" else encoder.transform(species)
    frame = case.frame(birds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn deprecates what people still use.
        model = case.estimator().fit(frame, labels)
    arguments = case.save(model, frame, folder)
    predictions: Sequence[Any] = model.predict(frame).tolist()
    if case.labels != "strings":
        predictions = [CLASSES[number] for number in predictions]
    return Made([*arguments, *_named(case.labels, encoder, folder)], model.predict_proba(frame), list(predictions))


def _named(labels: str, encoder: Any, folder: Path) -> list[str]:
    if labels == "encoder":
        joblib.dump(encoder, folder / "label_encoder.pkl")
        return [str(folder / "label_encoder.pkl")]
    if labels == "file":
        (folder / "classes.json").write_text(json.dumps(CLASSES))
        return [str(folder / "classes.json")]
    return ["--classes", ",".join(CLASSES)] if labels == "--classes" else []


def main(csv: Path, folder: Path, names: Sequence[str]) -> None:
    """Make several, each in a folder of its own, with what it answers in `made.json`."""
    for name in names:
        made = make(CASES[name], csv, folder / name)
        document = {
            "arguments": made.arguments,
            "probabilities": made.probabilities.tolist(),
            "predictions": made.predictions,
        }
        (folder / name / "made.json").write_text(json.dumps(document))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
