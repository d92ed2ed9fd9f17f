"""What commands say beside their result."""

import click


def tell(message: str) -> None:
    """A line on stderr: stdout is for results."""
    click.echo(message, err=True)
