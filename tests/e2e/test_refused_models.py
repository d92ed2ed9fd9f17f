"""Files that cannot be published, each with the sentence that says what is wrong and what to do."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import LabelEncoder
from sklearn.svm import SVC, LinearSVC

from predictor.training.dataset import DATA_FILE
from tests.support.cli import run
from tests.support.made_elsewhere import (
    array,
    dummies,
    encoded,
    forest,
    lightgbm,
    numbers,
    read_birds,
    regression,
    xgboost,
)

pytestmark = pytest.mark.slow

BIRDS, SPECIES = read_birds(DATA_FILE)
NUMBERS = LabelEncoder().fit_transform(SPECIES)
COLUMNS = ",".join(map(str, dummies(BIRDS).columns))
CLASSES = "Adelie,Chinstrap,Gentoo"
GENTOO = SPECIES == "Gentoo"

Arguments = list[Any]
Make = Callable[[Path], Arguments]


def saved(model: Any, *options: str) -> Make:
    """The model in a pickle, published with options."""

    def make(folder: Path) -> Arguments:
        joblib.dump(model(), folder / "model.pkl")
        return [folder / "model.pkl", *options]

    return make


def named(names: Callable[[str], str]) -> Make:
    """A regression on columns that somebody calls otherwise."""
    return saved(lambda: regression().fit(numbers(BIRDS).rename(columns=names), SPECIES))


def content(name: str, data: bytes, *options: str) -> Make:
    def make(folder: Path) -> Arguments:
        (folder / name).write_bytes(data)
        return [folder / name, *options]

    return make


def two_models(folder: Path) -> Arguments:
    joblib.dump(encoded(regression()).fit(BIRDS, SPECIES), folder / "a.pkl")
    joblib.dump(encoded(regression()).fit(BIRDS, SPECIES), folder / "b.pkl")
    return [folder / "a.pkl", folder / "b.pkl"]


def encoder_of(names: list[str], labels: Any) -> Make:
    def make(folder: Path) -> Arguments:
        joblib.dump(LabelEncoder().fit(names), folder / "encoder.pkl")
        joblib.dump(encoded(regression()).fit(BIRDS, labels), folder / "model.pkl")
        return [folder / "model.pkl", folder / "encoder.pkl"]

    return make


def other_columns_file(folder: Path) -> Arguments:
    joblib.dump(["bill_length_mm", "sex_male"], folder / "columns.pkl")
    joblib.dump(forest().fit(numbers(BIRDS), SPECIES), folder / "model.pkl")
    return [folder / "columns.pkl", folder / "model.pkl"]


def two_versions(folder: Path) -> Arguments:
    for version in (b"1.3.2", b"1.5.2"):
        (folder / f"{version.decode()}.pkl").write_bytes(b"\x80\x04_sklearn_version\x94\x8c\x05" + version)
    return [folder / "1.3.2.pkl", folder / "1.5.2.pkl"]


def xgboost_file(method: str, *options: str, labels: Any = NUMBERS) -> Make:
    def make(folder: Path) -> Arguments:
        model = xgboost().fit(numbers(BIRDS), labels)
        if method == "dump":
            model.get_booster().dump_model(folder / "model.json", dump_format="json")
        else:
            model.save_model(folder / "model.json")
        return [folder / "model.json", *options]

    return make


def xgboost_categories(folder: Path) -> Arguments:
    frame = BIRDS.astype({"sex": "category", "island": "category"})
    joblib.dump(xgboost().set_params(enable_categorical=True).fit(frame, NUMBERS), folder / "model.pkl")
    return [folder / "model.pkl", "--classes", CLASSES]


def regressor_of_xgboost(folder: Path) -> Arguments:
    from xgboost import XGBRegressor

    XGBRegressor(n_estimators=2).fit(numbers(BIRDS), NUMBERS).save_model(folder / "model.json")
    return [folder / "model.json", "--classes", CLASSES]


def regressor_of_lightgbm(folder: Path) -> Arguments:
    model = lightgbm().set_params(objective="multiclass").fit(numbers(BIRDS), NUMBERS)
    text = folder / "model.txt"
    model.booster_.save_model(text)
    text.write_text(text.read_text().replace("objective=multiclass num_class:3", "objective=regression"))
    return [text, "--classes", CLASSES]


def onnx(*options: str, zipmap: bool = False) -> Make:
    def make(folder: Path) -> Arguments:
        from skl2onnx import to_onnx

        model = forest().fit(numbers(BIRDS), NUMBERS)
        graph = to_onnx(model, array(BIRDS)[:1].astype("float32"), options=None if zipmap else {"zipmap": False})
        (folder / "model.onnx").write_bytes(graph.SerializeToString())
        return [folder / "model.onnx", *options]

    return make


def of_an_array(*options: str, labels: Any = SPECIES) -> Make:
    return saved(lambda: regression().fit(array(BIRDS), labels), *options)


def ordinal_by_hand() -> Any:
    frame = BIRDS.assign(sex=BIRDS["sex"].eq("male").astype(int), island=pd.factorize(BIRDS["island"])[0])
    return forest().fit(frame, SPECIES)


def support_vectors() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Deprecated, and widely used.
        return encoded(SVC(probability=True, random_state=0)).fit(BIRDS, SPECIES)


REFUSED: dict[str, tuple[Make, str]] = {
    "a typo": (
        named(lambda name: name.replace("bill", "bil")),
        "no feature is called 'bil_length_mm'; did you mean 'bill_length_mm'?",
    ),
    "culmen": (
        named(lambda name: name.replace("bill", "culmen")),
        "no feature is called 'culmen_length_mm'; did you mean 'bill_length_mm'?",
    ),
    "a column that is no feature": (
        saved(lambda: encoded(regression()).fit(BIRDS.assign(year=2007), SPECIES)),
        "no feature is called 'year'; known are bill_length_mm, ",
    ),
    "columns in another order": (
        of_an_array("--columns", ",".join(reversed(COLUMNS.split(",")))),
        "the model classifies only 146 of 333 labelled penguins correctly; are its columns and classes in the order"
        " given? If they are, publish it with --accept-accuracy",
    ),
    "no columns": (of_an_array(), "the LogisticRegression was fitted without column names; give them in its order"),
    "too few columns": (of_an_array("--columns", "sex,island"), "the model takes 9 columns, named are 2"),
    "a column twice": (
        of_an_array("--columns", ",".join(["sex_male"] * 9)),
        "the model's columns name 'sex_male' twice",
    ),
    "other columns": (
        other_columns_file,
        "the model was fitted with other columns than given; they differ in bill_depth_mm, ",
    ),
    "columns encoded by hand": (
        saved(ordinal_by_hand),
        "the RandomForestClassifier cannot score penguins (ValueError: could not convert string to float: 'male');"
        " save a Pipeline that encodes sex and island itself",
    ),
    "categories of pandas in xgboost": (xgboost_categories, "save a Pipeline that encodes sex and island itself"),
    "not fitted": (saved(lambda: encoded(regression())), "the Pipeline is not fitted; call fit before saving it"),
    "no probabilities": (
        saved(lambda: encoded(LinearSVC()).fit(BIRDS, SPECIES)),
        "a Pipeline gives no probabilities (CalibratedClassifierCV adds them); a classifier with predict_proba is",
    ),
    "a regression": (
        saved(lambda: LinearRegression().fit(array(BIRDS), NUMBERS)),
        "a LinearRegression gives no probabilities; a classifier with predict_proba is needed",
    ),
    "answers that are not the most probable": (
        saved(support_vectors),
        "predict() and the largest of predict_proba() name different classes for ",
    ),
    "two models": (two_models, "b.pkl is a second model; publish one at a time"),
    "numbers without names": (
        of_an_array("--columns", COLUMNS, labels=NUMBERS),
        "the model's classes are the numbers 0, 1, 2; add the label encoder's file, or their names in order: --classes",
    ),
    "too few classes": (
        of_an_array("--columns", COLUMNS, "--classes", "Adelie,Gentoo", labels=NUMBERS),
        "the model has 3 classes, and 2 are named: Adelie, Gentoo",
    ),
    "too many classes": (
        of_an_array("--columns", COLUMNS, "--classes", CLASSES, labels=GENTOO.astype(int)),
        "the model has 2 classes, and 3 are named: Adelie, Chinstrap, Gentoo",
    ),
    "classes in another order": (
        of_an_array("--columns", COLUMNS, "--classes", "Gentoo,Chinstrap,Adelie", labels=NUMBERS),
        "the model classifies only 68 of 333 labelled penguins correctly; ",
    ),
    "an encoder of something else": (
        encoder_of(["cat", "dog", "eel"], NUMBERS),
        "the model's classes are cat, dog, eel; this service's species is one of Adelie, Chinstrap, Gentoo",
    ),
    "an encoder that does not fit": (
        encoder_of(CLASSES.split(","), NUMBERS + 1),
        "the model's classes are the numbers 1, 2, 3, and the label encoder names 0 to 2: Adelie, Chinstrap, Gentoo;"
        " give their names in order with --classes instead",
    ),
    "one class": (
        saved(lambda: forest().fit(numbers(BIRDS), ["Adelie"] * len(BIRDS))),
        "the model knows only the class Adelie; a classifier needs at least two",
    ),
    "something else in the pickle": (
        saved(lambda: {"model": 1}),
        "model.pkl holds a dict, expected a classifier, a label encoder or columns",
    ),
    "a function of a script": (
        content("model.pkl", b"\x80\x04c__main__\nratio\n."),
        "model.pkl needs code of the script that saved it; build the model from classes and functions of packages only",
    ),
    "a module that is not here": (
        content("model.pkl", b"\x80\x04cno_such_module\nThing\n."),
        "model.pkl needs the module no_such_module; if a package holds it, add --with PACKAGE==VERSION, and if it is",
    ),
    "a damaged pickle": (content("model.pkl", b"\x80\x04\x95\x00"), "model.pkl cannot be opened ("),
    "no pickle": (content("model.pkl", b"species\n"), "model.pkl cannot be unpickled: it does not hold a pickle"),
    "another format": (
        content("model.pt", b"PK\x03\x04torch"),
        "model.pt is in no known format; publish takes joblib, pickle and skops files, XGBoost's .json and .ubj,",
    ),
    "a table": (
        content("birds.csv", b"sex,island\nmale,Dream\n"),
        "birds.csv: only names of columns or classes, no model; also give",
    ),
    "a file that is not there": (lambda folder: [folder / "model.pkl"], "cannot be read: No such file or directory"),
    "two versions": (two_versions, "say which one opens both: --with scikit-learn==1.5.2"),
    "catboost": (content("model.pkl", b"\x80\x04catboost.core"), "is a CatBoost model, which is not supported;"),
    "a booster of an unknown version": (content("model.pkl", b"\x80\x04xgboost.sklearn"), "add --with xgboost=="),
    "a version that does not exist": (
        saved(lambda: encoded(regression()).fit(BIRDS, SPECIES), "--with", "scikit-learn==0.0.1"),
        "the environment for this model could not be made (",
    ),
    "xgboost without classes": (xgboost_file("save"), "the model's classes are the numbers 0, 1, 2; add the label"),
    "xgboost without a pickle": (
        xgboost_file("save", "--classes", CLASSES, "--without-onnx"),
        "--without-onnx publishes only the pickle, and these files hold none",
    ),
    "a dump of xgboost": (xgboost_file("dump"), "is neither a list of names nor what XGBoost's save_model writes"),
    "a regression of xgboost": (regressor_of_xgboost, "Expecting: classifier, got: regressor"),
    "a regression of lightgbm": (regressor_of_lightgbm, "is not a classifier: it was trained for regression"),
    "onnx without columns": (onnx("--classes", CLASSES), "has one input for all columns; give their names: --columns"),
    "onnx without classes": (onnx("--columns", COLUMNS), "does not name its classes; give them: --classes"),
    "onnx with too few columns": (
        onnx("--columns", "sex_male,sex_female", "--classes", CLASSES),
        "takes 9 columns, named are 2",
    ),
    "onnx with too few classes": (
        onnx("--columns", COLUMNS, "--classes", "Adelie,Gentoo"),
        "has no output with a probability for each of 2 classes: ",
    ),
    "onnx with maps": (
        onnx("--columns", COLUMNS, "--classes", CLASSES, zipmap=True),
        "gives its probabilities as maps; convert it with zipmap=False",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_its_sentence(name: str, tmp_path: Path) -> None:
    make, sentence = REFUSED[name]
    done = run("publish", *map(str, make(tmp_path)), "--to", str(tmp_path / "models"))
    assert (done.exit_code, done.stdout) == (1, ""), done.stderr
    last = done.stderr.splitlines()[-1]
    assert re.match("error: ", last)
    assert sentence in last
    assert not (tmp_path / "models").exists()
