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
from predictor.errors import ArtifactError, ConfigurationError

if TYPE_CHECKING:
    from predictor.publishing.signature import Signer, Trusted
    from predictor.publishing.source_model import Options
    from predictor.training.dataset import Dataset
    from predictor.training.parity import Proof
    from predictor.training.publish import Published


_sign_option = click.option(
    "--sign",
    "signing_key",
    metavar="KEY",
    help="Sign the model: a PEM file of an EC private key, pkcs11:... for a key in a KMS, or keyless.",
)


@click.command()
@click.option(
    "--to", "folder", callback=options.location, required=True, help="The model is written to FOLDER/<version>/."
)
@_sign_option
def train(folder: str, signing_key: str | None) -> None:
    """Fit, evaluate and export this project's model. SOURCE_DATE_EPOCH, where set, is the time of its creation."""
    created = _created()
    sign = _signer(signing_key)
    from predictor.artifacts import open_store
    from predictor.training.dataset import load_penguins
    from predictor.training.penguin_training import train as train_model
    from predictor.training.publish import write

    tell("fitting and evaluating (takes about ten seconds)")
    exported = train_model(load_penguins(), created)
    for name, value in exported.bundle.manifest.metrics.items():
        tell(f"  {name} {value:g}")
    with _progress("writing") as progress:
        published = write(exported.bundle, exported.bundle.manifest.to_bytes(), open_store(folder), progress, sign)
    _print_published(published, exported.proof)


def _names(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Names separated by commas, or a file of them."""
    if value is None:
        return ()
    if Path(value).is_file():
        value = Path(value).read_text(encoding="utf-8-sig").replace("\n", ",")
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _versions(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        name, equals, version = value.partition("==")
        if not (name and equals and version):
            raise click.BadParameter(f"{value!r} is not PACKAGE==VERSION, such as scikit-learn==1.5.2")
        found[name.strip().lower().removesuffix("-cpu")] = version.strip()
    return found


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--from", "folder", callback=options.location, help="Publish the newest version in this folder.")
@click.option(
    "--from-pickles",
    "pickles",
    type=click.Path(path_type=Path),
    nargs=3,
    metavar="MODEL LABEL_ENCODER COLUMNS",
    help="The same as giving the three files as SOURCE.",
)
@click.option("--to", "root", callback=options.location, required=True, help="The model is written to ROOT/<version>/.")
@click.option("--columns", metavar="A,B,C", callback=_names, help="The model's columns, in its order.")
@click.option("--classes", metavar="A,B,C", callback=_names, help="The names of the model's classes 0, 1, 2, ...")
@click.option(
    "--with",
    "requirements",
    metavar="PACKAGE==VERSION",
    multiple=True,
    callback=_versions,
    help="A library version that the files need, if they do not say it. May be given several times.",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Labelled rows to compare the model with. Default: the Palmer penguins.",
)
@click.option("--accept-accuracy", is_flag=True, help="Publish even if under 90% of the labelled rows come out right.")
@click.option("--without-onnx", is_flag=True, help="Publish only the pickle, which the slow sklearn engine serves.")
@_sign_option
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

    SOURCE is the model's file, or its files in any order: joblib, pickle or skops of a classifier, a label encoder, a
    list of columns; XGBoost's .json or .ubj; LightGBM's text. Opening a pickle runs the code in it.
    """
    files = (*sources, *(pickles or ()))
    if (folder is None) == (not files):
        raise click.UsageError("give the model's files, or --from FOLDER")
    if folder is not None and (columns or classes or requirements or accept_accuracy or without_onnx):
        raise click.UsageError(
            "a model in a folder is published as it is; with --from only --to, --reference and --sign apply"
        )
    sign = _signer(signing_key)
    if folder is not None:
        published, proof = _publish_folder(folder, root, reference, sign)
    else:
        from predictor.publishing.source_model import Options

        given = Options(columns, classes, requirements)
        published, proof = _publish_files(
            files, root, reference, given, sign, accept_accuracy=accept_accuracy, with_onnx=not without_onnx
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
    with_onnx: bool,
) -> "tuple[Published, Proof]":
    created = _created()
    from predictor.artifacts import open_store
    from predictor.publishing.publish_sources import export_sources
    from predictor.training.publish import write

    exported = export_sources(
        files,
        _labelled_rows(reference),
        created,
        given,
        accept_accuracy=accept_accuracy,
        with_onnx=with_onnx,
        tell=tell,
    )
    with _progress("publishing") as progress:
        published = write(exported.bundle, exported.bundle.manifest.to_bytes(), open_store(root), progress, sign)
    return published, exported.proof


def _signer(key: str | None) -> "Signer | None":
    from predictor.publishing.signature import Signer

    return None if key is None else Signer(key)


def _labelled_rows(reference: Path | None) -> "Dataset":
    from predictor.training.dataset import load, load_penguins

    return load_penguins() if reference is None else load(reference)


def _print_published(published: "Published", proof: "Proof") -> None:
    if proof.difference is not None:
        tell(f"both forms agree to within {proof.difference:.1e} on {proof.penguins} penguins")
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


def _trusted(key: Path | None, identity: str | None, issuer: str | None) -> "Trusted | None":
    """Whose signature is expected; None if nobody's."""
    if (identity is None) != (issuer is None) or (key is not None and identity is not None):
        raise click.UsageError("give --key, or --identity and --issuer")
    from predictor.publishing.signature import Identity, PublicKey

    if identity is not None and issuer is not None:
        return Identity(identity, issuer)
    return None if key is None else PublicKey(key)


def _signed_digest(uri: str, trusted: "Trusted") -> str:
    import time

    from predictor.artifacts import open_store
    from predictor.models.verification import VERIFY_TIMEOUT_S
    from predictor.publishing.signature import signed_digest

    return signed_digest(open_store(uri), trusted, deadline=time.monotonic() + VERIFY_TIMEOUT_S)


@click.command()
@click.argument("uri", callback=options.location)
@click.option(
    "--digest", metavar="sha256:HEX", callback=options.digest, help="The manifest's digest, as publish printed it."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The model must be signed with the other half of this public key (PEM).",
)
@click.option("--identity", help="The model must be signed by this identity, keyless (with --issuer).")
@click.option("--issuer", metavar="URL", help="The OpenID Connect issuer of --identity.")
def verify(uri: str, digest: str | None, key: Path | None, identity: str | None, issuer: str | None) -> None:
    """Check a published model: every file, and everything that loading it checks. Status 1 if something differs.

    A good signature says who made the manifest, so it stands in for --digest. Give both to check both.
    """
    from predictor.artifacts import open_store
    from predictor.models.verification import verify as verify_model

    trusted = _trusted(key, identity, issuer)
    try:
        if trusted is not None:
            signed = _signed_digest(uri, trusted)
            digest = digest or signed
        if digest is None:
            tell("without --digest or --key the manifest itself is not verified, so the pickles are not opened")
        manifest, findings = verify_model(open_store(uri), digest)
    except ArtifactError as error:
        click.echo(str(error))
        raise SystemExit(1) from error
    for finding in findings:
        click.echo(str(finding))
    if findings:
        raise SystemExit(1)
    verdict = "is consistent, but its origin is not verified" if digest is None else "is good"
    click.echo(f"{uri} {verdict}: version {manifest.version}, {len(manifest.files)} files")
