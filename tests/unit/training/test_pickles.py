import io
import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelEncoder

from predictor.errors import PublishRefused
from predictor.training.dataset import Dataset
from predictor.training.penguin_pipeline import ENCODED, FittedModel
from predictor.training.pickles import dump, open_unverified
from predictor.training.replaced_service import open_pickles

NAMES = ("model.pkl", "label_encoder.pkl", "columns.pkl")


def test_equal_values_give_equal_bytes_however_their_parts_are_shared() -> None:
    # Not one object each, as literals would be.
    name, other = "".join(["is", "land"]), "".join(["isl", "and"])
    assert name is not other
    assert pickle.dumps([name, name]) != pickle.dumps([name, other])
    assert dump([name, name]) == dump([other, other])
    loaded = joblib.load(io.BytesIO(dump([name, other])))
    assert dump(loaded) == dump([name, other])


def test_a_pickle_of_another_scikit_learn_is_refused() -> None:
    encoder = LabelEncoder().fit(["a", "b"])
    data = dump(encoder)
    from sklearn import __version__

    newer = data.replace(__version__.encode(), __version__[:-1].encode() + b"9")
    assert newer != data
    with pytest.raises(PublishRefused, match="was saved with scikit-learn"):
        open_unverified(Path("label_encoder.pkl"), newer)


def test_a_pickle_that_needs_a_module_that_is_not_here_names_it() -> None:
    data = b"cno_such_module\nThing\n."
    with pytest.raises(PublishRefused, match="no_such_module"):
        open_unverified(Path("model.pkl"), data)


@pytest.fixture
def three(tmp_path: Path, model: FittedModel) -> tuple[Path, Path, Path]:
    values = (model.estimator, model.label_encoder, list(model.columns))
    for name, value in zip(NAMES, values, strict=True):
        joblib.dump(value, tmp_path / name)
    return tmp_path / NAMES[0], tmp_path / NAMES[1], tmp_path / NAMES[2]


def test_columns_may_be_any_sequence_of_names(three: tuple[Path, Path, Path], dataset: Dataset) -> None:
    import pandas as pd

    published = set()
    for columns in (list(ENCODED), tuple(ENCODED), np.array(ENCODED), pd.Index(ENCODED)):
        joblib.dump(columns, three[2])
        source = open_pickles(three, dataset, lambda _: None)
        assert source.model.columns == ENCODED
        published.add(source.pickles["columns.pkl"])
    assert len(published) == 1


def test_the_estimator_is_published_byte_for_byte(three: tuple[Path, Path, Path], dataset: Dataset) -> None:
    source = open_pickles(three, dataset, lambda _: None)
    assert source.pickles["model.pkl"] == three[0].read_bytes()
    assert source.training_data_sha256 is None
    assert "How it was made is not known" in source.card


def test_a_column_that_the_encoding_never_gives_is_remarked(
    three: tuple[Path, Path, Path], dataset: Dataset, model: FittedModel
) -> None:
    columns = (*ENCODED, "island_Cormorant")
    from predictor.training.penguin_pipeline import encode

    classes = model.label_encoder.transform(dataset.species)
    joblib.dump(LogisticRegression(max_iter=5000).fit(encode(dataset.penguins, columns), classes), three[0])
    joblib.dump(list(columns), three[2])
    told: list[str] = []
    source = open_pickles(three, dataset, told.append)
    assert any("island_Cormorant" in sentence for sentence in told)
    assert "island_Cormorant" in source.card


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("bill_length_mm", "expected a list"),
        ([], "does not hold column names"),
        ([1, 2], "does not hold column names"),
        ([*ENCODED, ENCODED[0]], "names a column twice"),
        (["a", "b"], "names none of"),
        (list(ENCODED[:4]), "do not fit together"),
    ],
)
def test_columns_that_cannot_be_right_are_refused(
    three: tuple[Path, Path, Path], dataset: Dataset, columns: object, message: str
) -> None:
    joblib.dump(columns, three[2])
    with pytest.raises(PublishRefused, match=message):
        open_pickles(three, dataset, lambda _: None)


def test_a_label_encoder_that_is_none_is_refused(three: tuple[Path, Path, Path], dataset: Dataset) -> None:
    joblib.dump({"Adelie": 0}, three[1])
    with pytest.raises(PublishRefused, match="no label encoder"):
        open_pickles(three, dataset, lambda _: None)


def test_a_classifier_of_a_single_class_is_refused(three: tuple[Path, Path, Path], dataset: Dataset) -> None:
    from predictor.training.penguin_pipeline import encode

    joblib.dump(DummyClassifier().fit(encode(dataset.penguins), [0] * len(dataset.birds)), three[0])
    with pytest.raises(PublishRefused, match="knows Adelie only"):
        open_pickles(three, dataset, lambda _: None)
