import bz2
import gzip
import json
import lzma
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest
import sklearn
import skops.io
from lightgbm import LGBMClassifier
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

from predictor.errors import PublishRefused
from predictor.publishing.source_file import installed_version, names_in, read_source, split_names

FEATURES = [[0.0], [1.0], [2.0], [3.0]] * 20
LABELS = [0, 0, 1, 1] * 20


def written(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def test_an_estimators_pickle_says_which_scikit_learn_wrote_it(files: Path) -> None:
    source = read_source(files / "pipeline.joblib")
    assert (source.format, source.libraries) == ("pickle", {"scikit-learn": sklearn.__version__})


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_pickle_is_read(protocol: int, tmp_path: Path) -> None:
    path = written(tmp_path, "model.pkl", pickle.dumps(LogisticRegression(), protocol))
    assert read_source(path).libraries == {"scikit-learn": sklearn.__version__}


@pytest.mark.parametrize("version", ["1.3.2", "1.5.2", "1.10.0", "1.7.dev0"])
def test_the_version_ends_where_its_length_says(version: str, tmp_path: Path) -> None:
    state = b"\x80\x04_sklearn_version\x94\x8c" + bytes([len(version)]) + version.encode() + b"1234"
    assert read_source(written(tmp_path, "model.pkl", state)).libraries == {"scikit-learn": version}


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, zlib.compress, lzma.compress])
def test_compressed_files_are_read(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = written(tmp_path, "model.joblib", compress(pickle.dumps(LogisticRegression())))
    assert read_source(path).libraries == {"scikit-learn": sklearn.__version__}


def test_a_damaged_compressed_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishRefused, match="cannot be decompressed"):
        read_source(written(tmp_path, "model.joblib", gzip.compress(b"x" * 100)[:-12]))


@pytest.mark.parametrize("name", ["model.json", "model.ubj"])
def test_xgboosts_own_formats_carry_their_version(name: str, tmp_path: Path) -> None:
    XGBClassifier(n_estimators=2).fit(FEATURES, LABELS).get_booster().save_model(tmp_path / name)
    source = read_source(tmp_path / name)
    assert (source.format, source.libraries) == ("xgboost", {"xgboost": installed_version("xgboost")})


def test_an_xgboost_pickle_carries_its_version(tmp_path: Path) -> None:
    joblib.dump(XGBClassifier(n_estimators=2).fit(FEATURES, LABELS), tmp_path / "model.pkl")
    source = read_source(tmp_path / "model.pkl")
    assert source.libraries["xgboost"] == installed_version("xgboost")
    assert source.modules == {"xgboost"}


def test_lightgbms_text_and_pickle_are_opened_by_the_installed_version(tmp_path: Path) -> None:
    model = LGBMClassifier(n_estimators=2, min_child_samples=2, verbose=-1).fit(FEATURES, LABELS)
    model.booster_.save_model(str(tmp_path / "model.txt"))
    joblib.dump(model, tmp_path / "model.pkl")
    text, pickled = read_source(tmp_path / "model.txt"), read_source(tmp_path / "model.pkl")
    assert (text.format, pickled.format) == ("lightgbm", "pickle")
    assert text.libraries["lightgbm"] == pickled.libraries["lightgbm"] == installed_version("lightgbm")


def test_an_older_lightgbm_text_names_a_version_that_reads_it(tmp_path: Path) -> None:
    source = read_source(written(tmp_path, "model.txt", b"tree\nversion=v3\nnum_class=3\n"))
    assert source.libraries == {"lightgbm": "3.3.5"}


def test_skops_files_say_their_version(tmp_path: Path) -> None:
    skops.io.dump(LogisticRegression().fit(FEATURES, LABELS), tmp_path / "model.skops")
    source = read_source(tmp_path / "model.skops")
    assert (source.format, source.libraries) == ("skops", {"scikit-learn": sklearn.__version__})


@pytest.mark.parametrize(
    ("text", "names"),
    [('["a", "b"]', ["a", "b"]), ("a,b", ["a", "b"]), ("a\nb\n", ["a", "b"]), ("\ufeffa, b\r\n", ["a", "b"])],
)
def test_lists_of_names_are_read(text: str, names: list[str], tmp_path: Path) -> None:
    source = read_source(written(tmp_path, "columns.txt", text.encode()))
    assert source.format == "names"
    assert names_in(source) == names


def test_a_list_of_other_things_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishRefused, match="list of names"):
        names_in(read_source(written(tmp_path, "columns.json", json.dumps([1, 2]).encode())))


@pytest.mark.parametrize("data", [b"\x00\x01\x02\xff", b'{"a": 1}', b"PK\x03\x04 a table"])
def test_other_files_are_refused_with_the_formats_that_are_known(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(PublishRefused, match="is in no known format; publish takes joblib"):
        read_source(written(tmp_path, "model.bin", data))


def test_a_file_called_pickle_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublishRefused, match="cannot be unpickled"):
        read_source(written(tmp_path, "model.pkl", b"no pickle"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PublishRefused, match=r"missing\.pkl cannot be read: No such file"):
        read_source(tmp_path / "missing.pkl")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("predictor.publishing.source_file.MAX_SOURCE_BYTES", 10)
    with pytest.raises(PublishRefused, match="more than 10 bytes"):
        read_source(written(tmp_path, "model.pkl", b"\x80\x04" + b"x" * 20))


@pytest.mark.parametrize("data", [b"", b"\n \n"])
@pytest.mark.parametrize("name", ["model.pkl", "columns.txt"])
def test_an_empty_file_is_called_empty(name: str, data: bytes, tmp_path: Path) -> None:
    with pytest.raises(PublishRefused, match="is empty; save the model again"):
        read_source(written(tmp_path, name, data))


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(PublishRefused, match="is a folder; give the model's files, or --from FOLDER"):
        read_source(tmp_path)


@pytest.mark.parametrize("text", ["a, b", "a\nb\n", '["a", "b"]', ' [\n"a", "b"]'])
def test_names_are_an_array_or_separated(text: str) -> None:
    assert split_names(text) == ["a", "b"]
