"""Programs that some tests need and a machine may lack."""

import os
import shutil
from typing import NoReturn

import pytest


def require_program(name: str) -> str:
    """The path of a program. Without it the test skips and says so; under CI it fails."""
    path = shutil.which(name)
    if path is None:
        missing(name)
    return path


def missing(what: str) -> NoReturn:
    """Skip, because a machine need not have everything; fail under CI, which must."""
    reason = f"{what} is not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
