"""How the command line reads what several commands take: digests, places of models, numbers, a token."""

import math
import os
import re
from pathlib import Path
from typing import Any, Final

import click

IDENTITY_TOKEN: Final = "IDENTITY_TOKEN"  # noqa: S105  the variable's name
"""Environment variable with the token for a function that is not public. Never an option: others can read those."""


class Finite(click.FloatRange):
    """A number in a range. click itself takes nan for one, and nothing is ever above a limit of nan."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


def identity_token() -> str | None:
    """The token, which is never shown: also not when it is none."""
    token = os.environ.get(IDENTITY_TOKEN) or None
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise click.UsageError(
            f"{IDENTITY_TOKEN} is not a token: it holds a blank, a line end or a letter beyond ASCII"
        )
    return token


def digest(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        raise click.BadParameter(f"{value!r} is not sha256: and 64 lower-case hex digits")
    return value


def location(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    if not value:  # A variable that is not set; it would name the working folder.
        raise click.BadParameter("it is empty")
    if value.startswith("gs://"):
        if not re.match(r"gs://[^/]", value):
            raise click.BadParameter(f"{value!r} names no bucket")
        return value
    if "://" in value:
        raise click.BadParameter(f"{value!r} is neither gs://bucket/folder nor a local folder")
    return str(Path(value).absolute())  # What is printed can be used from any folder.


def service_url(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"https?://[^/?#\s@]+(/[^?#\s]*)?", value):
        raise click.BadParameter(f"{value!r} is not https://host or https://host/path")
    return value.rstrip("/")
