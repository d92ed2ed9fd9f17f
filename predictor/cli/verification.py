"""The command that checks a published model: `verify`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from predictor.cli import options
from predictor.cli.output import say, tell
from predictor.errors import ArtifactError

if TYPE_CHECKING:
    from predictor.publishing.signature import Trusted


@click.command(short_help="Check a published model.")
@click.argument("uri", metavar="MODEL_URI", callback=options.location)
@options.digest_option(help="The model's digest, as publish printed it.")
@click.option(
    "--key",
    metavar="FILE.pub",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The model must be signed with the other half of this public key (PEM).",
)
@click.option("--identity", help="The model must be signed by this identity, keyless (with --issuer).")
@click.option("--issuer", metavar="URL", help="The OpenID Connect issuer of --identity.")
@options.json_option
def verify(
    *, uri: str, digest: str | None, key: Path | None, identity: str | None, issuer: str | None, as_json: bool
) -> None:
    """Check the published model at MODEL_URI: every file, and everything that loading it checks.

    Prints a line for each fault. The exit status is then 1. A good signature says who made the manifest, so it stands
    in for --digest. Give both to check both.
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
        _say_faults(uri, [str(error)], as_json=as_json)
        raise SystemExit(1) from error
    if findings:
        _say_faults(uri, list(map(str, findings)), as_json=as_json)
        raise SystemExit(1)
    verdict = "is consistent, but its origin is not verified" if digest is None else "is good"
    say(
        f"{uri} {verdict}: version {manifest.version}, {len(manifest.files)} files",
        {"uri": uri, "digest": digest, "version": manifest.version, "files": len(manifest.files), "faults": []},
        as_json=as_json,
    )


def _say_faults(uri: str, faults: list[str], *, as_json: bool) -> None:
    say("\n".join(faults), {"uri": uri, "faults": faults}, as_json=as_json)


def _trusted(key: Path | None, identity: str | None, issuer: str | None) -> "Trusted | None":
    """Whose signature is expected; None if nobody's."""
    if (identity is None) != (issuer is None) or (key is not None and identity is not None):
        raise click.UsageError("give --key, or --identity and --issuer")
    from predictor.publishing.signature import Identity, PublicKey

    if identity is not None and issuer is not None:
        return Identity(identity, issuer)
    return None if key is None else PublicKey(key)


def _signed_digest(uri: str, trusted: "Trusted") -> str:
    """The digest of a manifest whose signature is good."""
    from predictor.artifacts import open_store
    from predictor.models.verification import VERIFY_TIMEOUT_S
    from predictor.publishing.signature import signed_digest

    return signed_digest(open_store(uri), trusted, deadline=time.monotonic() + VERIFY_TIMEOUT_S)
