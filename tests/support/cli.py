"""The command line, in-process. What it prints on stdout is its result; everything else is on stderr."""

from collections.abc import Mapping
from typing import Final

from click.testing import CliRunner, Result

from predictor.cli import main
from tests.support.bundles import EXAMPLE, PublishedBundle

FLAGS: Final = [part for name, value in EXAMPLE.items() for part in (f"--{name.replace('_', '-')}", str(value))]
"""The example as options of `predict`."""
HEADER: Final = ",".join(EXAMPLE)
GOOD: Final = ",".join(map(str, EXAMPLE.values()))


def run(*arguments: str, stdin: str | bytes | None = None, env: Mapping[str, str | None] | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=stdin, env=env)


def model(bundle: PublishedBundle) -> list[str]:
    """The options that name a model."""
    return ["--uri", str(bundle.folder), "--digest", bundle.digest]
