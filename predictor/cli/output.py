"""Messages beside the result, and what happens when the result cannot be written."""

import json
import os
import sys
from typing import Any

import click


def tell(message: str) -> None:
    """A line on stderr: stdout is for results."""
    click.echo(message, err=True)


def say(sentence: str, document: dict[str, Any], *, as_json: bool) -> None:
    """The result, for people or for programs."""
    click.echo(json.dumps(document) if as_json else sentence)


def open_missing_streams() -> None:
    """Replace stdin and stdout by the null device where the parent process has closed them."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  Stays open, as a stdin does.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def abandon_stdout() -> None:
    """Stop the interpreter from writing the rest once more, and failing again, when it exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
