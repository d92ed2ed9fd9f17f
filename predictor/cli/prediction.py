"""The command `predict`: one penguin, or a file of them."""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from predictor.cli import options
from predictor.cli.output import tell
from predictor.errors import UnusableFile
from predictor.penguin import NOUN
from predictor.schema import CATEGORIES, FEATURES, RANGES, UNITS

if TYPE_CHECKING:
    from predictor.models import LoadedModel

LONG_FILE_BYTES: Final = 1024 * 1024
"""From this size on, scoring a file shows its progress on a terminal."""


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _feature_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for every feature, in their order."""
    for name in reversed(FEATURES):
        if name in CATEGORIES:
            decorate = click.option(_option(name), name, type=click.Choice(CATEGORIES[name]))
        else:
            low, high = RANGES[name]
            unit = f" {UNITS[name]}" if UNITS[name] else ""
            decorate = click.option(_option(name), name, type=float, help=f"{low:g} to {high:g}{unit}.")
        command = decorate(command)
    return command


@click.command(short_help=f"Predict one {NOUN}, or every row of a file.")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--uri",
    metavar="MODEL_URI",
    callback=options.location,
    help="The published model. Default: the setting MODEL_URI, or the newest version under artifacts/.",
)
@options.digest_option(
    help="The model's digest; required for gs://. Default: the setting MODEL_DIGEST, unless --uri is given."
)
@click.option("--coverage", type=float, help="Of the prediction set. Default: the model's own, usually 0.95.")
@click.option("--explain", is_flag=True, help=f"Say what speaks for the prediction; for one {NOUN} only.")
@_feature_options
def predict(
    file: Path | None, uri: str | None, digest: str | None, coverage: float | None, explain: bool, **features: Any
) -> None:
    """Predict one penguin, from options or from JSON on stdin, or every row of FILE (- is stdin).

    FILE is CSV, NDJSON or Parquet. The answers to CSV and Parquet are CSV, with columns for the prediction, the
    probabilities and the error; the answers to NDJSON are NDJSON, one line for each. Messages about the file go to
    stderr. An invalid row gets an error, and all other rows are scored; the exit status is then 1.
    """
    given = {name: value for name, value in features.items() if value is not None}
    if file is not None:
        if given:
            raise click.UsageError(f"give a FILE or the options of one {NOUN}, not both")
        if explain:
            raise click.UsageError(f"--explain is for one {NOUN}, not for a FILE")
        _predict_file(file, _load(uri, digest), coverage)
        return
    if not given and sys.stdin.isatty():
        raise click.UsageError(f"give a FILE, the options of one {NOUN}, or JSON on stdin")
    _predict_one(given, _load(uri, digest), coverage, explain=explain)


def _load(uri: str | None, digest: str | None) -> "LoadedModel":
    """The model, through the same composition root as the function."""
    from predictor import bootstrap
    from predictor.settings import Settings
    from predictor.telemetry import configure_logs

    configure_logs("CRITICAL", None, sys.stderr)  # An error is reported once, as the command's own.
    env = dict(os.environ)
    if uri is not None:
        env["MODEL_URI"] = uri
        env.pop("MODEL_DIGEST", None)  # It pins another model.
    if digest is not None:
        env["MODEL_DIGEST"] = digest
    return bootstrap.build(Settings.from_env(env)).models.get_blocking()


def _predict_one(features: dict[str, Any], model: "LoadedModel", coverage: float | None, *, explain: bool) -> None:
    from predictor import service
    from predictor.answers import detailed_json
    from predictor.bulk import MAX_LINE_BYTES
    from predictor.decoding import decode_penguin, validate
    from predictor.errors import InvalidInput

    missing = [_option(name) for name in model.schema.features if name not in features]
    if features and missing:
        raise click.UsageError(f"also give {', '.join(missing)}")
    _check_coverage(model, coverage)
    try:
        if features:
            penguin = validate(features, model.schema)
        else:
            penguin = decode_penguin(sys.stdin.buffer.read(MAX_LINE_BYTES), model.schema)
    except InvalidInput as error:
        raise service.with_hints(model, error) from None
    answer = service.predict(model, penguin, coverage)
    explanation = service.explain(model, penguin, answer.prediction) if explain else None
    click.echo(detailed_json(answer, explanation))


def _check_coverage(model: "LoadedModel", coverage: float | None) -> None:
    from predictor.errors import InvalidInput
    from predictor.service import check_coverage

    if coverage is not None:
        try:
            check_coverage(model, coverage)
        except InvalidInput as error:
            raise click.UsageError(f"--coverage: {error.violations[0].message}") from error


def _predict_file(file: Path, model: "LoadedModel", coverage: float | None) -> None:
    from predictor.bulk import score_stream

    _check_coverage(model, coverage)
    on_stdin = str(file) == "-"
    size = 0 if on_stdin else file.stat().st_size
    with nullcontext(sys.stdin.buffer) if on_stdin else file.open("rb") as stream:
        try:
            if size >= LONG_FILE_BYTES and sys.stderr.isatty() and not sys.stdout.isatty():
                with click.progressbar(length=size, label="scoring", file=sys.stderr) as bar:
                    count = score_stream(model, stream, sys.stdout.buffer.write, bar.update, tell, coverage=coverage)
            else:
                count = score_stream(model, stream, sys.stdout.buffer.write, tell=tell, coverage=coverage)
        except UnusableFile as error:
            name = "stdin" if on_stdin else str(file)
            raise UnusableFile(error.code, f"{name}: {error}", error.row) from error
    sys.stdout.buffer.flush()  # A write error is reported now, not when the interpreter exits.
    if count.invalid:
        tell(f"{count.invalid} of {count.rows} rows are invalid; each has an error in the output")
        raise SystemExit(1)
