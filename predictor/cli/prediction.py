"""The command for whoever has penguins: `predict`, one bird or a file of them."""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from predictor.cli import options
from predictor.cli.output import tell
from predictor.penguin import ISLANDS, RANGES, SEXES

if TYPE_CHECKING:
    from predictor.models.loader import LoadedModel

LONG_FILE_BYTES: Final = 1024 * 1024
"""From this size on, scoring a file shows its progress on a terminal."""


def _measurement(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    low, high = RANGES[name]
    return click.option(f"--{name.replace('_', '-')}", type=float, help=f"{low:g} to {high:g}.")


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--uri", callback=options.location, help="The model. Default: MODEL_URI, or the newest under artifacts/.")
@click.option(
    "--digest",
    metavar="sha256:HEX",
    callback=options.digest,
    help="The model's digest; needed for gs://. Default: MODEL_DIGEST.",
)
@_measurement("bill_length_mm")
@_measurement("bill_depth_mm")
@_measurement("flipper_length_mm")
@_measurement("body_mass_g")
@click.option("--sex", type=click.Choice(SEXES))
@click.option("--island", type=click.Choice(ISLANDS))
def predict(file: Path | None, uri: str | None, digest: str | None, **features: Any) -> None:
    """Predict one penguin, from options or from JSON on stdin, or every row of FILE (CSV or NDJSON; - is stdin).

    A CSV file comes back with columns for prediction, probabilities and error, NDJSON with an answer for each line.
    Rows that are no valid penguin are marked, all others are scored; the exit status is then 1.
    """
    given = {name: value for name, value in features.items() if value is not None}
    if file is not None:
        if given:
            raise click.UsageError("give a FILE or a penguin's measurements, not both")
        _predict_file(file, _load(uri, digest))
        return
    if given and len(given) < len(features):
        missing = [f"--{name.replace('_', '-')}" for name in features if name not in given]
        raise click.UsageError(f"a penguin needs {', '.join(missing)} as well")
    if not given and sys.stdin.isatty():
        raise click.UsageError("give a FILE, a penguin's six measurements, or JSON on stdin")
    _predict_one(given, _load(uri, digest))


def _load(uri: str | None, digest: str | None) -> "LoadedModel":
    """The model, through the same composition root as the function."""
    from predictor import bootstrap
    from predictor.settings import Settings
    from predictor.telemetry import logs

    logs.configure("CRITICAL", None, sys.stderr)  # What goes wrong is told once, as the command's error.
    env = dict(os.environ)
    if uri is not None:
        env["MODEL_URI"] = uri
        env.pop("MODEL_DIGEST", None)  # It pins another model.
    if digest is not None:
        env["MODEL_DIGEST"] = digest
    return bootstrap.build(Settings.from_env(env)).service.model_blocking()


def _predict_one(features: dict[str, Any], model: "LoadedModel") -> None:
    from predictor.bulk import MAX_LINE_BYTES
    from predictor.decoding import decode_penguin, validate
    from predictor.service import predict as predict_penguins
    from predictor.web.encoding import detailed_body

    penguin = validate(features) if features else decode_penguin(sys.stdin.buffer.read(MAX_LINE_BYTES))
    (prediction,) = predict_penguins(model, [penguin])
    click.echo(detailed_body(prediction))


def _predict_file(file: Path, model: "LoadedModel") -> None:
    from predictor.bulk import score

    on_stdin = str(file) == "-"
    size = 0 if on_stdin else file.stat().st_size
    with nullcontext(sys.stdin.buffer) if on_stdin else file.open("rb") as stream:
        if size >= LONG_FILE_BYTES and sys.stderr.isatty() and not sys.stdout.isatty():
            with click.progressbar(length=size, label="scoring", file=sys.stderr) as bar:
                count = score(model, stream, sys.stdout.buffer.write, bar.update)
        else:
            count = score(model, stream, sys.stdout.buffer.write)
    sys.stdout.buffer.flush()  # What cannot be written is told as an error, not when the interpreter ends.
    if count.bad:
        tell(f"{count.bad} of {count.rows} rows could not be scored; each says why")
        raise SystemExit(1)
