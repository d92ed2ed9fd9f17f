"""What commands say beside their result, and what happens when nobody can take the result."""

import os
import sys

import click


def tell(message: str) -> None:
    """A line on stderr: stdout is for results."""
    click.echo(message, err=True)


def open_missing_streams() -> None:
    """Give stdin and stdout that whoever started us has closed something to read from and write to."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  Stays open, as a stdin does.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def abandon_stdout() -> None:
    """What could not be written would be tried, and reported, once more when the interpreter ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
