"""How the command line reads what several commands take: digests, places of models."""

import re
from pathlib import Path

import click


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
