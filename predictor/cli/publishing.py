"""Commands that make and check published models: `train`, `publish`, `verify`."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from predictor.cli import options
from predictor.cli.output import tell
from predictor.errors import ArtifactError, ConfigurationError, ParityMismatch

if TYPE_CHECKING:
    from predictor.training.dataset import Dataset
    from predictor.training.parity import Proof
    from predictor.training.publish import Published


@click.command()
@click.option(
    "--to", "folder", callback=options.location, required=True, help="The model is written to FOLDER/<version>/."
)
def train(folder: str) -> None:
    """Fit, evaluate and export this project's model. SOURCE_DATE_EPOCH, where set, is the time of its creation."""
    created = _created()
    from predictor.artifacts import open_store
    from predictor.training.dataset import load_penguins
    from predictor.training.penguin_training import train as train_model
    from predictor.training.publish import write

    tell("fitting and evaluating (takes about ten seconds)")
    exported = train_model(load_penguins(), created)
    for name, value in exported.bundle.manifest.metrics.items():
        tell(f"  {name} {value:g}")
    with _progress("writing") as progress:
        published = write(exported.bundle, exported.bundle.manifest.to_bytes(), open_store(folder), progress)
    _print_published(published, exported.proof)


@click.command()
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
@click.option("--without-onnx", is_flag=True, help="With --from-pickles: serve the pickles, make no other form.")
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Labelled rows to compare the model's forms on. Default: the Palmer penguins.",
)
def publish(
    folder: str | None,
    pickles: tuple[Path, Path, Path] | None,
    root: str,
    without_onnx: bool,
    reference: Path | None,
) -> None:
    """Publish a model and print the settings MODEL_URI and MODEL_DIGEST that serve it. Never overwrites a version."""
    if without_onnx and pickles is None:
        raise click.UsageError("--without-onnx needs --from-pickles")
    if folder is not None and pickles is None:
        published, proof = _publish_folder(folder, root, reference)
    elif pickles is not None and folder is None:
        published, proof = _publish_pickles(pickles, root, reference, only_pickles=without_onnx)
    else:
        raise click.UsageError("give either --from or --from-pickles")
    _print_published(published, proof)


def _publish_folder(folder: str, root: str, reference: Path | None) -> "tuple[Published, Proof]":
    import time

    from predictor.artifacts import newest_version, open_store
    from predictor.training.publish import TIMEOUT_S
    from predictor.training.publish import publish as publish_model

    source = newest_version(open_store(folder), deadline=time.monotonic() + TIMEOUT_S)
    tell(f"publishing {source.uri}")
    with _progress("publishing") as progress:
        return publish_model(source, open_store(root), _labelled_rows(reference), progress)


def _publish_pickles(
    pickles: tuple[Path, Path, Path], root: str, reference: Path | None, *, only_pickles: bool
) -> "tuple[Published, Proof]":
    created = _created()
    from predictor.artifacts import COMPILED_FILE, ONNX_FILE, open_store
    from predictor.models import engine_name
    from predictor.training.export import export
    from predictor.training.publish import write
    from predictor.training.replaced_service import open_pickles

    dataset = _labelled_rows(reference)
    source = open_pickles(pickles, dataset, tell)
    try:
        exported = export(source, dataset, created, only_pickles=only_pickles)
    except ParityMismatch:
        tell("add --without-onnx to publish only the pickles, which the sklearn engine serves")
        raise
    manifest = exported.bundle.manifest
    for file, reason in ((COMPILED_FILE, exported.not_compiled), (ONNX_FILE, exported.not_converted)):
        if reason is not None:
            serving = engine_name("auto", manifest)
            tell(f"{str(reason).rstrip('.')}; published without {file}, so the {serving} engine serves it")
    if exported.proof.difference is None:
        needed = [f"{name}=={version}" for name, version in manifest.libraries.items()]
        tell(f"the environment that serves it needs {', '.join(needed)}")
    with _progress("publishing") as progress:
        return write(exported.bundle, manifest.to_bytes(), open_store(root), progress), exported.proof


def _labelled_rows(reference: Path | None) -> "Dataset":
    from predictor.training.dataset import load, load_penguins

    return load_penguins() if reference is None else load(reference)


def _print_published(published: "Published", proof: "Proof") -> None:
    if proof.difference is not None:
        tell(f"all forms agree to within {proof.difference:.1e} on {proof.penguins} penguins")
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


@click.command()
@click.argument("uri", callback=options.location)
@click.option(
    "--digest", metavar="sha256:HEX", callback=options.digest, help="The manifest's digest, as publish printed it."
)
def verify(uri: str, digest: str | None) -> None:
    """Check a published model: every file, and everything that loading it checks. Status 1 if something differs."""
    from predictor.artifacts import open_store
    from predictor.models.verification import verify as verify_model

    if digest is None:
        tell("without --digest the manifest itself is not verified, so the pickles are not opened")
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
