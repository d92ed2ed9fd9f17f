"""The command line. `python -m predictor --help` lists the commands.

Results go to stdout, everything else to stderr. Exit status 0: success; 1: the command or a check failed; 2: the
command line or a setting is wrong. Training is imported inside the commands that need it, because it is slow to import.
"""

import errno
from typing import Any

import click

from predictor import __version__
from predictor.cli.canary import canary
from predictor.cli.drift import drift
from predictor.cli.operations import agreement, capacity, smoke
from predictor.cli.output import abandon_stdout, open_missing_streams, tell
from predictor.cli.prediction import predict
from predictor.cli.publishing import publish, train
from predictor.cli.verification import verify
from predictor.errors import ConfigurationError, InvalidInput, MalformedJson, PredictorError

__all__ = ["main"]


class _Commands(click.Group):
    """Turns our errors into a line on stderr and an exit status, for every command."""

    def invoke(self, ctx: click.Context) -> Any:
        open_missing_streams()
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            raise click.UsageError(str(error)) from error
        except (InvalidInput, MalformedJson) as error:
            from predictor.bulk import describe

            _fail(ctx, describe(error))
        except PredictorError as error:
            _fail(ctx, str(error))
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # The reader of the pipe has ended: click exits quietly.
            abandon_stdout()
            _fail(ctx, str(error.strerror or error) + (f": {error.filename}" if error.filename else ""))


def _fail(ctx: click.Context, message: str) -> None:
    tell("error: " + " ".join(message.split()))
    ctx.exit(1)


@click.group(cls=_Commands)
@click.version_option(__version__)
def main() -> None:
    """Train, publish and verify models, predict, and check deployed functions and their traffic."""


for _command in (train, publish, verify, predict, smoke, agreement, canary, drift, capacity):
    main.add_command(_command)
