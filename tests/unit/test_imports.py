"""Importing any module does no I/O and starts no thread."""

import pkgutil
import subprocess
import sys
import textwrap

import pytest

import predictor
from tests.support.processes import PROJECT

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(predictor.__path__, "predictor.")
    # Beam is not installed here.
    if not module.name.endswith("__main__") and module.name != "predictor.beam.pipeline"
)

FORBIDDEN = (
    *("socket.connect", "socket.bind", "socket.getaddrinfo"),
    *("subprocess.Popen", "os.fork", "os.system", "os.mkdir"),
)
# Reading code is what importing is; anything written, connected, started or forked is not.
WATCHED = textwrap.dedent(
    """
    import importlib, logging, sys, threading

    MODULES = {modules!r}
    FORBIDDEN = {forbidden!r}
    seen = []

    def watch(event, arguments):
        if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            seen.append((event, str(arguments[0])))
        if event in FORBIDDEN:
            seen.append((event, str(arguments)))

    # What other libraries do when imported is not tested here: they are imported before the hook is set.
    for name in MODULES:
        importlib.import_module(name)
    for name in MODULES:
        del sys.modules[name]
    threads = threading.active_count()
    sys.dont_write_bytecode = True
    sys.addaudithook(watch)
    for name in MODULES:
        importlib.import_module(name)
    assert threading.active_count() == threads, threading.enumerate()
    assert not seen, seen
    """
)


def test_there_are_modules_to_import() -> None:
    assert len(MODULES) > 30


def test_importing_writes_connects_and_starts_nothing() -> None:
    result = subprocess.run(
        [sys.executable, "-c", WATCHED.format(modules=MODULES, forbidden=FORBIDDEN)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "name",
    [
        *("predictor.penguin", "predictor.schema", "predictor.errors", "predictor.prediction", "predictor.decoding"),
        *("predictor.digest", "predictor.location", "predictor.text", "predictor.settings"),
    ],
)
def test_the_domain_and_its_values_import_pydantic_at_most(name: str) -> None:
    program = f"import sys, {name}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert name in loaded
    assert not {"starlette", "functions_framework", "numpy", "pandas", "sklearn", "google.auth"} & set(loaded)
