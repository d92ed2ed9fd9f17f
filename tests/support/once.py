"""Costly things that tests only read, made once for all workers of a run."""

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """What `make` returns for a new folder; the first worker calls it, the others wait and read the pickled value."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # Each worker has a folder of its own in it.
    value = root / f"{name}.value"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not value.exists():
            folder = root / name
            shutil.rmtree(folder, ignore_errors=True)  # Left by another worker's attempt that failed.
            folder.mkdir()
            value.write_bytes(pickle.dumps(make(folder)))
    made: T = pickle.loads(value.read_bytes())
    return made
