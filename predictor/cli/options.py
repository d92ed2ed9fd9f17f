"""Options that several commands share: digests, where models are, numbers, a token."""

import math
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from predictor.digest import is_digest
from predictor.location import split_gs_uri

IDENTITY_TOKEN: Final = "IDENTITY_TOKEN"  # noqa: S105  the variable's name
"""Environment variable with the token for a function that is not public. Never an option: others can read those."""


class Finite(click.FloatRange):
    """A finite number in a range. click alone accepts nan, and no value is ever above a limit of nan."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class Instant(click.ParamType[datetime]):
    """A moment in RFC 3339, with its time zone."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            self.fail(f"{value!r} is not a moment such as 2026-01-31T12:00:00Z", param, ctx)
        return instant


def identity_token() -> str | None:
    """The token. It is never shown, also not when it is malformed."""
    token = os.environ.get(IDENTITY_TOKEN) or None
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise click.UsageError(
            f"{IDENTITY_TOKEN} is not a token: it contains a space, a line end or a character outside ASCII;"
            f" set it with {IDENTITY_TOKEN}=$(gcloud auth print-identity-token)"
        )
    return token


def digest(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_digest(value):
        raise click.BadParameter(f"{value!r} is not sha256: and 64 lower-case hex digits")
    return value


def digest_option(**more: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--digest`; `more` says whose it is, and whether it must be given."""
    return click.option("--digest", metavar="sha256:HEX", callback=digest, **more)


json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def location(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    if not value:  # From an unset variable; it would mean the working folder.
        raise click.BadParameter("it is empty")
    try:
        remote = split_gs_uri(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}") from error
    return value if remote else str(Path(value).absolute())  # What is printed can be used from any folder.


def service_url(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"https?://[^/?#\s@]+(/[^?#\s]*)?", value):
        raise click.BadParameter(f"{value!r} is not https://host or https://host/path")
    return value.rstrip("/")
