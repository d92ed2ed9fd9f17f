"""Who published a model: a signature of its manifest, in the OpenSSF Model Signing format (a Sigstore bundle).

The manifest lists the sha256 of every other file, so a signature of these few bytes covers the whole model. It is
written beside the manifest and checked before a deployment. Serving reads no signature: the digest that it is pinned to
says which bytes may be served, and that is more than whose. https://github.com/sigstore/model-transparency has the
format, and a command line of its own that checks the same file.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from predictor.artifacts import MANIFEST_FILE, SIGNATURE_FILE, Store, StoredFile
from predictor.digest import digest_of
from predictor.errors import ArtifactMissing, PublishRefused, SignatureInvalid
from predictor.text import describe_error

KEYLESS: Final = "keyless"
PKCS11: Final = "pkcs11:"
PASSWORD: Final = "SIGNING_KEY_PASSWORD"  # noqa: S105  the variable's name
"""Environment variable with the password of an encrypted key. Never an option: others can read those."""

_NETWORK: Final = "; keyless signatures need the network"
MAX_BYTES: Final = 1024 * 1024
"""Both files are read before anything is known about them. A signature has about 2 kB, a keyless one about 10 kB."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Signatures of one key are good: a PEM file of its public half."""

    file: Path


@dataclass(frozen=True, slots=True)
class Identity:
    """Keyless signatures of one identity are good: an e-mail address or a workflow, as its issuer names it."""

    name: str
    issuer: str


Trusted = PublicKey | Identity


class Signer:
    """Signs with `key`: a PEM file of an EC private key, a `pkcs11:` URI of a key in a KMS or HSM, or `keyless`.

    The key is opened here, before any work is done for a model that could not be signed. Raises `PublishRefused`.
    """

    def __init__(self, key: str) -> None:
        from model_signing import signing

        self._key = key
        try:
            if key == KEYLESS:
                self._config = signing.Config().use_sigstore_signer(use_ambient_credentials=True)
            elif key.startswith(PKCS11):
                self._config = signing.Config().use_pkcs11_signer(pkcs11_uri=key)
            else:
                self._config = signing.Config().use_elliptic_key_signer(
                    private_key=key,
                    password=_password(),  # type: ignore[arg-type]  # Typed as text, and used as bytes.
                )
        except Exception as error:  # Of files, keys, PKCS #11 modules and the network, by five libraries.
            is_file = key != KEYLESS and not key.startswith(PKCS11)
            reason = _why_no_key(error, "private") if is_file else describe_error(error)
            reason += _NETWORK if key == KEYLESS else ""
            raise PublishRefused(f"cannot sign with {_shown(key)}: {reason}") from error

    def __call__(self, manifest: bytes) -> bytes:
        """The signature of a manifest's bytes. Raises `PublishRefused`."""
        with TemporaryDirectory() as folder:
            signed, signature = Path(folder) / MANIFEST_FILE, Path(folder) / SIGNATURE_FILE
            signed.write_bytes(manifest)
            try:
                self._config.sign(signed, signature)
            except Exception as error:  # As above.
                raise PublishRefused(f"cannot sign with {_shown(self._key)}: {describe_error(error)}") from error
            return signature.read_bytes()


def signed_digest(store: Store, trusted: Trusted, *, deadline: float) -> str:
    """The digest of the manifest in `store`, if its signature is good: it is then as trustworthy as a pin.

    Raises `SignatureInvalid`, which says what is wrong, `ArtifactMissing` and `StoreUnavailable`.
    """
    listed = store.list_files(deadline=deadline)
    if MANIFEST_FILE not in listed:
        raise ArtifactMissing(store.uri, MANIFEST_FILE)
    if SIGNATURE_FILE not in listed:
        raise SignatureInvalid(store.uri, f"there is no {SIGNATURE_FILE}; publish it with --sign")
    manifest, signature = (_read(store, listed, name, deadline) for name in (MANIFEST_FILE, SIGNATURE_FILE))
    _check(store.uri, manifest, signature, trusted)
    return digest_of(manifest)


def _read(store: Store, listed: Mapping[str, StoredFile], name: str, deadline: float) -> bytes:
    if listed[name].size > MAX_BYTES:
        raise SignatureInvalid(store.uri, f"{name} has {listed[name].size} bytes, at most {MAX_BYTES} are read")
    return store.read(listed[name], deadline=deadline)


def _check(uri: str, manifest: bytes, signature: bytes, trusted: Trusted) -> None:
    """Raise `SignatureInvalid` with what is wrong."""
    from model_signing import verifying

    config = verifying.Config()
    try:
        if isinstance(trusted, PublicKey):
            config.use_elliptic_key_verifier(public_key=trusted.file)
        else:
            config.use_sigstore_verifier(identity=trusted.name, oidc_issuer=trusted.issuer)
    except Exception as error:  # Not a public key, or Sigstore cannot be reached.
        is_key = isinstance(trusted, PublicKey)
        reason = _why_no_key(error, "public") if is_key else describe_error(error) + _NETWORK
        raise SignatureInvalid(uri, f"it cannot be checked with {_name(trusted)}: {reason}") from error
    with TemporaryDirectory() as folder:
        signed, beside = Path(folder) / MANIFEST_FILE, Path(folder) / SIGNATURE_FILE
        signed.write_bytes(manifest)
        beside.write_bytes(signature)
        try:
            config.verify(signed, beside)
        except Exception as error:  # What is parsed here comes from the bucket, so anything may be raised.
            raise SignatureInvalid(uri, _why_not_good(error, trusted)) from error


def _why_not_good(error: Exception, trusted: Trusted) -> str:
    from cryptography.exceptions import InvalidSignature

    if isinstance(error, InvalidSignature) or str(error).startswith("Key mismatch"):
        return f"{SIGNATURE_FILE} was not made with {_name(trusted)}"
    if str(error).startswith("Signature mismatch"):
        return f"{MANIFEST_FILE} is not the one that was signed; it may have been changed"
    return f"{SIGNATURE_FILE} is not a good signature: {describe_error(error)}"


def _why_no_key(error: Exception, half: str) -> str:
    """The library's own errors name classes and attributes."""
    if isinstance(error, OSError):
        return error.strerror or describe_error(error)
    if "assword" in str(error) or "decrypt" in str(error):
        return f"{error}; the password of an encrypted key is read from {PASSWORD}"
    return f"it is not the PEM file of an EC {half} key (P-256, P-384 or P-521)"


def _name(trusted: Trusted) -> str:
    return str(trusted.file) if isinstance(trusted, PublicKey) else f"{trusted.name} ({trusted.issuer})"


def _password() -> bytes | None:
    password = os.environ.get(PASSWORD)
    return password.encode() if password else None


def _shown(key: str) -> str:
    """A PKCS #11 URI can hold a PIN, after a question mark."""
    return key.partition("?")[0]
