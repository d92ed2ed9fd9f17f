"""Commands that make published models: `train`, `publish`."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from predictor.cli import options
from predictor.cli.output import tell
from predictor.cli.signing import sign_option, signer
from predictor.errors import ConfigurationError
from predictor.schema import FEATURES

if TYPE_CHECKING:
    from predictor.publishing.signature import Signer
    from predictor.publishing.source_model import Options
    from predictor.training.dataset import Dataset
    from predictor.training.parity import Proof
    from predictor.training.publish import Published

_NAME_FILES: Final = frozenset({".txt", ".csv", ".json", ".pkl"})
"""Suffixes that no name of a column or a class ends in."""


@click.command(short_help="Fit and evaluate this project's own model.")
@click.option(
    "--to",
    "folder",
    metavar="FOLDER",
    callback=options.location,
    required=True,
    help="Where models are kept, a folder or gs://BUCKET/FOLDER. The model is written to FOLDER/<version>/.",
)
@sign_option
def train(folder: str, signing_key: str | None) -> None:
    """Fit this project's model to the Palmer penguins, evaluate it, and write it to a folder.

    Prints the settings MODEL_URI and MODEL_DIGEST that serve it. The environment variable SOURCE_DATE_EPOCH, in seconds
    since 1970, replaces the current time in the model's manifest.
    """
    created = _created()
    sign = signer(signing_key)
    from predictor.artifacts import open_store
    from predictor.training.dataset import load_penguins
    from predictor.training.penguin_training import train as train_model
    from predictor.training.publish import write

    tell("fitting and evaluating (takes about twenty seconds)")
    exported = train_model(load_penguins(), created)
    for name, value in exported.bundle.manifest.metrics.items():
        tell(f"  {name} {value:g}")
    with _progress("writing") as progress:
        published = write(exported.bundle, exported.bundle.manifest.to_bytes(), open_store(folder), progress, sign)
    _print_published(published, exported.proof)


def _names(_ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Names separated by commas, or a file of them."""
    if value is None:
        return ()
    from predictor.publishing.source_file import split_names

    file = Path(value)
    if not file.is_file() and "," not in value and (os.sep in value or file.suffix in _NAME_FILES):
        raise click.BadParameter(f"there is no file {value}")
    try:
        names = split_names(file.read_text(encoding="utf-8-sig") if file.is_file() else value)
    except ValueError as error:
        raise click.BadParameter(f"{value} is not a list of names: a JSON array, or separated by commas") from error
    if not names:
        raise click.BadParameter(f"no name is given; expected {param.metavar}, or a file of names")
    return tuple(names)


def _versions(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        name, equals, version = value.partition("==")
        if not (name and equals and version):
            raise click.BadParameter(f"{value!r} is not PACKAGE==VERSION, such as scikit-learn==1.5.2")
        found[name.strip().lower().removesuffix("-cpu")] = version.strip()
    return found


@click.command(short_help="Publish a model, from its files or from a folder.")
@click.argument("sources", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--from",
    "folder",
    metavar="FOLDER",
    callback=options.location,
    help="Publish the newest version FOLDER/<version>/ as it is, in place of a FILE.",
)
@click.option(
    "--from-pickles",
    "pickles",
    type=click.Path(path_type=Path),
    nargs=3,
    metavar="MODEL LABEL_ENCODER COLUMNS",
    help="The same as giving these three files as FILE.",
)
@click.option(
    "--to",
    "root",
    metavar="ROOT",
    callback=options.location,
    required=True,
    help="Where models are kept, a folder or gs://BUCKET/FOLDER. The model is written to ROOT/<version>/.",
)
@click.option(
    "--columns",
    metavar="A,B,C",
    callback=_names,
    help="For a model that was fitted without column names: these, in the order of its input; or a file of them.",
)
@click.option(
    "--classes",
    metavar="A,B,C",
    callback=_names,
    help="For a model whose classes are numbers: their names in order (0, 1, 2, ...); or a file of them.",
)
@click.option(
    "--with",
    "requirements",
    metavar="PACKAGE==VERSION",
    multiple=True,
    callback=_versions,
    help="Open the files with this version of a library, such as scikit-learn==1.5.2. Needed only where the files do"
    " not say it themselves. May be given several times.",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Labelled rows to test the model on: the features and the species. Default: the Palmer penguins.",
)
@click.option(
    "--accept-accuracy",
    is_flag=True,
    help="Publish even if fewer than 90% of the labelled rows are classified correctly.",
)
@click.option(
    "--without-onnx",
    is_flag=True,
    help="Publish only the pickle. The sklearn engine serves it, which takes many times as long per request.",
)
@sign_option
def publish(
    *,
    sources: tuple[Path, ...],
    folder: str | None,
    pickles: tuple[Path, Path, Path] | None,
    root: str,
    columns: tuple[str, ...],
    classes: tuple[str, ...],
    requirements: dict[str, str],
    reference: Path | None,
    accept_accuracy: bool,
    without_onnx: bool,
    signing_key: str | None,
) -> None:
    """Publish a model and print the settings MODEL_URI and MODEL_DIGEST that serve it. Never overwrites a version.

    FILE is the model's file, or its files in any order: a classifier as joblib, pickle or skops, with its label encoder
    and its list of columns where it has them; XGBoost's .json or .ubj; LightGBM's text; ONNX. Opening a pickle runs the
    code in it: publish only files that you trust.
    """
    files = (*sources, *(pickles or ()))
    if folder is None and not files:
        raise click.UsageError("give the model's files, or --from FOLDER")
    if folder is not None and files:
        raise click.UsageError("give the model's files or --from FOLDER, not both")
    if folder is not None and (columns or classes or requirements or accept_accuracy or without_onnx):
        raise click.UsageError(
            "a model in a folder is published as it is; with --from only --to, --reference and --sign apply"
        )
    sign = signer(signing_key)
    if folder is not None:
        published, proof = _publish_folder(folder, root, reference, sign)
    else:
        from predictor.publishing.source_model import Options

        given = Options(columns, classes, requirements)
        published, proof = _publish_files(
            files, root, reference, given, sign, accept_accuracy=accept_accuracy, only_pickles=without_onnx
        )
    _print_published(published, proof)


def _publish_folder(folder: str, root: str, reference: Path | None, sign: "Signer | None") -> "tuple[Published, Proof]":
    import time

    from predictor.artifacts import newest_version, open_store
    from predictor.training.publish import TIMEOUT_S
    from predictor.training.publish import publish as publish_model

    source = newest_version(open_store(folder), deadline=time.monotonic() + TIMEOUT_S)
    tell(f"publishing {source.uri}")
    with _progress("publishing") as progress:
        return publish_model(source, open_store(root), _labelled_rows(reference), progress, sign)


def _publish_files(
    files: tuple[Path, ...],
    root: str,
    reference: Path | None,
    given: "Options",
    sign: "Signer | None",
    *,
    accept_accuracy: bool,
    only_pickles: bool,
) -> "tuple[Published, Proof]":
    created = _created()
    from predictor.artifacts import open_store
    from predictor.publishing.publish_sources import export_sources
    from predictor.training.publish import write

    exported = export_sources(
        files,
        partial(_labelled_rows, reference),
        created,
        given,
        accept_accuracy=accept_accuracy,
        only_pickles=only_pickles,
        tell=tell,
    )
    with _progress("publishing") as progress:
        published = write(exported.bundle, exported.bundle.manifest.to_bytes(), open_store(root), progress, sign)
    return published, exported.proof


def _labelled_rows(reference: Path | None, features: Sequence[str] = FEATURES) -> "Dataset":
    from predictor.training.dataset import load, load_penguins

    return load_penguins() if reference is None else load(reference, features)


def _print_published(published: "Published", proof: "Proof") -> None:
    if proof.difference is not None:
        tell(f"all forms agree to within {proof.difference:.1e} on {proof.penguins} penguins")
    if published.kept_signature:
        tell("it has a signature of another time, which is left as it is; `verify --key` says whether it is good")
    settings = [f"MODEL_URI={shlex.quote(published.uri)}", f"MODEL_DIGEST={published.digest}"]
    tell(f"to serve it here: {' '.join(settings)} make run")
    for setting in settings:
        click.echo(setting)


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
    with click.progressbar(length=1, label=label, file=sys.stderr, item_show_func=lambda name: name or "") as bar:

        def show(name: str, done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos, name)

        yield show
