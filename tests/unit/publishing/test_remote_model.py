import os
import sys
from pathlib import Path
from typing import Any

import joblib
import pytest

from predictor.errors import PublishRefused
from predictor.publishing.remote_model import RemoteModel

PYTHON = Path(sys.executable)


class Surprise:
    """Does something when it is unpickled."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self._call = (call, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def opened(value: Any, folder: Path) -> RemoteModel:
    joblib.dump(value, folder / "model.pkl")
    return RemoteModel(PYTHON, [(folder / "model.pkl", "pickle")])


def test_a_model_is_asked_in_another_process(files: Path) -> None:
    with RemoteModel(PYTHON, [(files / "pipeline.joblib", "pickle")]) as model:
        assert model.description.estimator == "Pipeline"
        assert model.description.classes == ["Adelie", "Chinstrap", "Gentoo"]


def test_what_the_files_print_does_not_disturb_the_answers(tmp_path: Path) -> None:
    with pytest.raises(PublishRefused, match="expected a classifier"):
        opened(Surprise(print, "hello"), tmp_path)


def test_a_pickle_that_ends_the_process_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(PublishRefused, match="the process that opened the model ended with status 3"):
        opened(Surprise(os._exit, 3), tmp_path)


@pytest.mark.parametrize("where", [".", "tests"])
def test_a_pickle_that_needs_a_module_of_the_current_folder_is_refused(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be published, and fail where that folder is not."""
    (tmp_path / "own_features.py").write_text("class Scaler: pass\n")
    (tmp_path / "model.pkl").write_bytes(b"cown_features\nScaler\n.")
    monkeypatch.chdir(tmp_path)
    name = "own_features"
    if where == "tests":  # Nor is the rest of this repository.
        name = "tests.support.bundles"
        (tmp_path / "model.pkl").write_bytes(b"ctests.support.bundles\nPublishedBundle\n.")
    with pytest.raises(PublishRefused, match=rf"needs the module {name.partition('.')[0]}.*functions of packages only"):
        RemoteModel(PYTHON, [(tmp_path / "model.pkl", "pickle")])


def test_a_pickle_that_raises_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        PublishRefused, match=r"model\.pkl cannot be opened \(ZeroDivisionError: [^\n]*by zero\); save it again"
    ):
        opened(Surprise(divmod, 1, 0), tmp_path)
