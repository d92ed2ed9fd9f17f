"""The package with another `predictor/penguin.py`, in a process of its own: what is derived must not know penguins."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.processes import PROJECT

_DOMAIN = """
from typing import Annotated, Literal
from pydantic import BaseModel, ConfigDict, Field

EXAMPLES = (dict.fromkeys({names}),)
SPECIES = ("low", "high")
LABEL, NOUN, NOUN_PLURAL = "level", "thing", "things"
Score = Annotated[float, Field(ge=0, le=1)]

class Penguin(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

{fields}
"""
_RUN = """
import importlib.util, sys
import predictor
spec = importlib.util.spec_from_file_location("predictor.penguin", {path!r})
sys.modules["predictor.penguin"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
{program}
"""


def run_with_fields(fields: Sequence[str], program: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program with `fields` as those of the domain, such as `score: Score` (a number from 0 to 1)."""
    domain = folder / "penguin.py"
    names = [field.partition(":")[0] for field in fields]
    domain.write_text(_DOMAIN.format(names=names, fields="\n".join(f"    {field}" for field in fields)))
    command = [sys.executable, "-c", _RUN.format(path=str(domain), program=program)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60)
