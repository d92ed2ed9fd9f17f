import stat
import sys
from pathlib import Path

import pytest
import sklearn

from predictor.errors import PublishRefused
from predictor.publishing.environments import environment_for, interpreter_for, requirements


def test_the_installed_versions_need_no_environment() -> None:
    assert environment_for({"scikit-learn": sklearn.__version__}, print) == Path(sys.executable)
    assert environment_for({}, print) == Path(sys.executable)


def test_the_models_libraries_are_pinned_and_the_rest_fits_them() -> None:
    assert {"scikit-learn==1.3.2", "pandas<3"} <= set(requirements({"scikit-learn": "1.3.2"}))
    assert "pandas" in requirements({"scikit-learn": "1.8.0"})


@pytest.mark.parametrize(
    ("version", "package"), [("1.7.6", "xgboost"), ("2.1.1", "xgboost-cpu"), ("3.0.0", "xgboost-cpu")]
)
def test_xgboost_comes_without_gpu_code_where_that_exists(version: str, package: str) -> None:
    assert f"{package}=={version}" in requirements({"xgboost": version})


@pytest.mark.parametrize(
    ("libraries", "expected"),
    [
        ({"lightgbm": "3.3.5"}, "scikit-learn==1.3.2"),
        ({"lightgbm": "4.5.0"}, "scikit-learn<1.6"),
        ({"xgboost": "1.7.6"}, "scikit-learn<1.6"),
        ({"xgboost": "3.0.0"}, "scikit-learn<1.7"),
        ({"xgboost": "99.0"}, f"scikit-learn=={sklearn.__version__}"),
    ],
)
def test_a_booster_without_a_pickle_gets_a_scikit_learn_that_it_works_with(
    libraries: dict[str, str], expected: str
) -> None:
    assert expected in requirements(libraries)


def test_an_old_scikit_learn_gets_an_interpreter_that_it_was_released_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13))
    assert interpreter_for({"scikit-learn": "1.3.2"}) == ">=3.11,<3.13"
    assert interpreter_for({"scikit-learn": "1.5.2"}) == sys.executable


def fake_uv(folder: Path, script: str) -> Path:
    """Stands in for uv, whose package index a unit test must not need."""
    path = folder / "uv"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_an_environment_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = fake_uv(tmp_path, f'echo "$@" >> {tmp_path}/calls; [ "$1" != venv ] || mkdir -p "$4"')
    monkeypatch.setattr("uv.find_uv_bin", lambda: str(uv))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lines: list[str] = []
    python = environment_for({"scikit-learn": "0.1"}, lines.append)
    assert environment_for({"scikit-learn": "0.1"}, lines.append) == python
    assert python.is_relative_to(tmp_path / "cache/penguin-predictor/environments")
    assert [line.split()[0] for line in (tmp_path / "calls").read_text().splitlines()] == ["venv", "pip"]
    assert len(lines) == 1
    assert "scikit-learn 0.1" in lines[0]


def test_without_a_network_the_commands_to_run_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uv.find_uv_bin", lambda: str(fake_uv(tmp_path, "echo no route to host >&2; exit 1")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(PublishRefused) as caught:
        environment_for({"scikit-learn": "0.1"}, lambda _: None)
    message = str(caught.value)
    assert "could not be made (no route to host)" in message
    assert "uv venv --python" in message
    assert "uv pip install" in message
    assert "'pandas<3'" in message
