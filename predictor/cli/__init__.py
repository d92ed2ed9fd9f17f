"""The command line: translates, then calls what everyone else calls. `python -m predictor --help` lists the commands.

Results go to stdout, everything else to stderr. Exit status 0: good; 1: the thing asked about is bad; 2: the command
line is bad. Training is imported inside the commands that need it: it is not deployed, and it is slow to import.
"""

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from predictor import __version__
from predictor.cli import options
from predictor.cli.operations import agreement, capacity, smoke
from predictor.errors import (
    ArtifactError,
    ConfigurationError,
    InvalidInput,
    MalformedJson,
    ParityMismatch,
    PredictorError,
)
from predictor.penguin import ISLANDS, RANGES, SEXES

if TYPE_CHECKING:
    from predictor.models.loader import LoadedModel
    from predictor.training.parity import Proof
    from predictor.training.publish import Published

LONG_FILE_BYTES: Final = 1024 * 1024
"""From this size on, scoring a file shows its progress on a terminal."""


class _Commands(click.Group):
    """Turns our errors into a line on stderr and an exit status, for every command."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            raise click.UsageError(str(error)) from error
        except (InvalidInput, MalformedJson) as error:
            from predictor.bulk import describe

            _fail(ctx, describe(error))
        except PredictorError as error:
            _fail(ctx, str(error))


def _fail(ctx: click.Context, message: str) -> None:
    click.echo("error: " + " ".join(message.split()), err=True)
    ctx.exit(1)


def _tell(message: str) -> None:
    click.echo(message, err=True)


@click.group(cls=_Commands)
@click.version_option(__version__)
def main() -> None:
    """Tell a penguin's species from six measurements: train, publish, verify, predict."""


# --- train and publish ----------------------------------------------------------------------------------------------


@main.command()
@click.option(
    "--to", "folder", callback=options.location, required=True, help="The model is written to FOLDER/<version>/."
)
def train(folder: str) -> None:
    """Fit, evaluate and export this project's model. SOURCE_DATE_EPOCH, where set, is the time of its creation."""
    created = _created()
    from predictor.artifacts.location import open_store
    from predictor.training.dataset import load
    from predictor.training.export import train as train_model
    from predictor.training.publish import write

    _tell("fitting and evaluating (some ten seconds)")
    exported = train_model(load(), created)
    for name, value in exported.bundle.manifest.metrics.items():
        _tell(f"  {name} {value:g}")
    with _progress("writing") as progress:
        published = write(exported.bundle, exported.bundle.manifest.to_bytes(), open_store(folder), progress)
    _print_published(published, exported.proof)


@main.command()
@click.option("--from", "folder", callback=options.location, help="Publish the newest version in this folder.")
@click.option(
    "--from-pickles",
    "pickles",
    type=click.Path(path_type=Path),
    nargs=3,
    metavar="MODEL LABEL_ENCODER COLUMNS",
    help="Publish a fitted classifier from three joblib files. Opening them runs whatever code is in them.",
)
@click.option("--to", "root", callback=options.location, required=True, help="The model is written to ROOT/<version>/.")
@click.option("--without-onnx", is_flag=True, help="With --from-pickles: serve the pickles, make no ONNX form.")
def publish(folder: str | None, pickles: tuple[Path, Path, Path] | None, root: str, without_onnx: bool) -> None:
    """Publish a model, write-once, and print MODEL_URI= and MODEL_DIGEST= for the deployment that pins it."""
    if without_onnx and pickles is None:
        raise click.UsageError("--without-onnx goes with --from-pickles")
    if folder is not None and pickles is None:
        published, proof = _publish_folder(folder, root)
    elif pickles is not None and folder is None:
        published, proof = _publish_pickles(pickles, root, with_onnx=not without_onnx)
    else:
        raise click.UsageError("give either --from or --from-pickles")
    _print_published(published, proof)


def _publish_folder(folder: str, root: str) -> "tuple[Published, Proof]":
    import time

    from predictor.artifacts.location import newest_version, open_store
    from predictor.training.dataset import load
    from predictor.training.publish import TIMEOUT_S
    from predictor.training.publish import publish as publish_model

    source = newest_version(open_store(folder), deadline=time.monotonic() + TIMEOUT_S)
    _tell(f"publishing {source.uri}")
    with _progress("publishing") as progress:
        return publish_model(source, open_store(root), load(), progress)


def _publish_pickles(pickles: tuple[Path, Path, Path], root: str, *, with_onnx: bool) -> "tuple[Published, Proof]":
    created = _created()
    from predictor.artifacts.location import open_store
    from predictor.training.dataset import load
    from predictor.training.export import export
    from predictor.training.predecessor import open_pickles
    from predictor.training.publish import write

    dataset = load()
    source = open_pickles(pickles, dataset, _tell)
    try:
        exported = export(source, dataset, created, with_onnx=with_onnx)
    except ParityMismatch:
        _tell("with --without-onnx only the pickles are published, and the sklearn engine serves them")
        raise
    if exported.not_converted is not None:
        _tell(f"{exported.not_converted}; published without model.onnx, the sklearn engine serves it")
    manifest = exported.bundle.manifest
    if exported.proof.difference is None:
        needed = [f"{name}=={version}" for name, version in manifest.libraries.items()]
        _tell(f"what serves it needs {', '.join(needed)}")
    with _progress("publishing") as progress:
        return write(exported.bundle, manifest.to_bytes(), open_store(root), progress), exported.proof


def _print_published(published: "Published", proof: "Proof") -> None:
    if proof.difference is not None:
        _tell(f"both forms agree to within {proof.difference:.1e} on {proof.birds} penguins")
    click.echo(f"MODEL_URI={shlex.quote(published.uri)}")
    click.echo(f"MODEL_DIGEST={published.digest}")


def _created() -> datetime:
    """Now, or SOURCE_DATE_EPOCH (seconds; reproducible-builds.org)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigurationError("SOURCE_DATE_EPOCH", epoch, "expected seconds since 1970") from error


@contextmanager
def _progress(label: str) -> Iterator[Callable[[str, int, int], None] | None]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr, item_show_func=str) as bar:

        def show(name: str, done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos, name)

        yield show


# --- verify and predict ---------------------------------------------------------------------------------------------


@main.command()
@click.argument("uri", callback=options.location)
@click.option(
    "--digest", metavar="sha256:HEX", callback=options.digest, help="The manifest's digest, as publish printed it."
)
def verify(uri: str, digest: str | None) -> None:
    """Check a published model: everything that loading checks, and every file. Says what differs; status 1 if so."""
    from predictor.artifacts.location import open_store
    from predictor.models.verification import verify as verify_model

    if digest is None:
        _tell("without --digest the manifest vouches only for itself, and its pickles are not opened")
    try:
        manifest, findings = verify_model(open_store(uri), digest)
    except ArtifactError as error:
        click.echo(str(error))
        raise SystemExit(1) from error
    for finding in findings:
        click.echo(str(finding))
    if findings:
        raise SystemExit(1)
    click.echo(f"{uri} is good: version {manifest.version}, {len(manifest.files)} files")


def _measurement(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    low, high = RANGES[name]
    return click.option(f"--{name.replace('_', '-')}", type=float, help=f"{low:g} to {high:g}.")


@main.command()
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
    if count.bad:
        _tell(f"{count.bad} of {count.rows} rows could not be scored; each says why")
        raise SystemExit(1)


# --- operate --------------------------------------------------------------------------------------------------------

main.add_command(smoke)
main.add_command(agreement)
main.add_command(capacity)
