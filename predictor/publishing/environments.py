"""A Python environment with exactly the library versions that wrote a model, made by uv and kept in a cache."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from predictor.errors import PublishRefused
from predictor.publishing.source_file import installed_version
from predictor.text import first_line

Tell = Callable[[str], None]
"""Takes one line for the person who publishes."""

TIMEOUT_S: Final = 900
_COMPILING: Final = ("joblib", "onnx", "onnxmltools", "packaging", "pydantic", "skl2onnx")
"""What the worker needs besides the model's own libraries, in the versions that are installed here.

onnxmltools imports packaging and does not declare it.
"""


def environment_for(libraries: Mapping[str, str], tell: Tell) -> Path:
    """The interpreter of an environment with these libraries (distribution name -> version).

    This program's own interpreter where it has them. Raises `PublishRefused` with the commands to run when the
    environment cannot be made, for example without a network.
    """
    if all(installed_version(name) == wanted for name, wanted in libraries.items()):
        return Path(sys.executable)
    packages = requirements(libraries)
    folder = cache_folder() / hashlib.sha256("\n".join([sys.version, *packages]).encode()).hexdigest()[:16]
    python = folder / "bin/python"
    if (folder / "complete").exists():
        return python
    named = ", ".join(f"{name} {wanted}" for name, wanted in libraries.items())
    tell(f"making an environment with {named} (once; it is kept in {folder})")
    shutil.rmtree(folder, ignore_errors=True)
    make = [["venv", "--python", interpreter_for(libraries), str(folder)]]
    make.append(["pip", "install", "--python", str(python), *packages])
    for arguments in make:
        _run_uv(arguments, make)
    (folder / "complete").touch()
    return python


def requirements(libraries: Mapping[str, str]) -> list[str]:
    """What to install, in the form that pip and uv read."""
    found = [f"{name}=={installed_version(name)}" for name in _COMPILING if installed_version(name)]
    for name, wanted in libraries.items():
        # Before 2.1 there is no package without the GPU code.
        package = "xgboost-cpu" if name == "xgboost" and _at_least(wanted, (2, 1)) else name
        found.append(f"{package}=={wanted}")
    scikit_learn = libraries.get("scikit-learn")
    if scikit_learn is None:
        found.append(_fitting_scikit_learn(libraries))
    # Strings have another dtype from pandas 3 on, which older libraries do not know.
    found.append("pandas" if scikit_learn and _at_least(scikit_learn, (1, 8)) else "pandas<3")
    return sorted(found)


def _fitting_scikit_learn(libraries: Mapping[str, str]) -> str:
    """A scikit-learn that the wrappers of these boosters work with; their files do not name one."""
    xgboost, lightgbm = libraries.get("xgboost"), libraries.get("lightgbm")
    if lightgbm and not _at_least(lightgbm, (4, 0)):
        return "scikit-learn==1.3.2"
    if (xgboost and not _at_least(xgboost, (2, 1, 4))) or (lightgbm and not _at_least(lightgbm, (4, 6))):
        return "scikit-learn<1.6"
    if xgboost and not _at_least(xgboost, (3, 1)):
        return "scikit-learn<1.7"
    return f"scikit-learn=={installed_version('scikit-learn')}"


def interpreter_for(libraries: Mapping[str, str]) -> str:
    """What to give `uv venv --python`: this interpreter, or an older one that these versions were released for."""
    scikit_learn = libraries.get("scikit-learn")
    if sys.version_info >= (3, 13) and scikit_learn and not _at_least(scikit_learn, (1, 5)):
        return ">=3.11,<3.13"
    return sys.executable


def cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "penguin-predictor" / "environments"


def _at_least(actual: str, wanted: tuple[int, ...]) -> bool:
    numbers = [int(part) if part.isdecimal() else 0 for part in actual.split(".")[: len(wanted)]]
    return tuple(numbers) >= wanted


def _run_uv(arguments: list[str], all_commands: list[list[str]]) -> None:
    from uv import find_uv_bin

    env = {key: value for key, value in os.environ.items() if not key.startswith("VIRTUAL_ENV")}
    done = subprocess.run(
        [find_uv_bin(), *arguments, "--quiet"], env=env, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    if done.returncode != 0:
        commands = " && ".join(" ".join(["uv", *map(_quoted, command)]) for command in all_commands)
        reason = first_line(RuntimeError(done.stderr))
        raise PublishRefused(
            f"the environment for this model could not be made ({reason}); to try it yourself: {commands}"
        )


def _quoted(argument: str) -> str:
    return f"'{argument}'" if set(argument) & set("<>* ") else argument
