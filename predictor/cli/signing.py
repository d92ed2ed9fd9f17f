"""The option of `train` and `publish` that signs what they publish."""

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from predictor.publishing.signature import Signer

sign_option: Final = click.option(
    "--sign",
    "signing_key",
    metavar="KEY",
    help="Sign the model: a PEM file of an EC private key, pkcs11:... for a key in a KMS, or keyless.",
)


def signer(key: str | None) -> "Signer | None":
    """Opens the key, if there is one. Raises `PublishRefused`."""
    from predictor.publishing.signature import Signer

    return None if key is None else Signer(key)
