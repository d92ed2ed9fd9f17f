"""Throw-away keys to sign models with: files, and one in SoftHSM, which is a PKCS #11 module like that of a KMS."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.programs import missing, require_program

PIN = "1234"
_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


@dataclass(frozen=True)
class Keys:
    """Both halves of a key, as PEM files."""

    private: Path
    public: Path


def make_key(folder: Path, name: str, *, password: str | None = None, curve: ec.EllipticCurve | None = None) -> Keys:
    key = ec.generate_private_key(curve or ec.SECP256R1())
    encryption = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    keys = Keys(folder / f"{name}.pem", folder / f"{name}.pub")
    keys.private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    keys.public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return keys


@contextmanager
def key_in_softhsm(folder: Path) -> Iterator[tuple[str, Path]]:
    """The URI of a key that never leaves its module, and the file of its public half."""
    require_program("softhsm2-util")
    module = next((path for path in _MODULES if Path(path).exists()), None)
    if module is None:
        missing("SoftHSM's PKCS #11 module")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    keys = make_key(folder, "imported")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(config)
    try:
        for arguments in (
            ("--init-token", "--free", "--label", "penguins", "--pin", PIN, "--so-pin", "4321"),
            ("--import", str(keys.private), "--token", "penguins", "--label", "models", "--id", "01", "--pin", PIN),
        ):
            subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)
        yield f"pkcs11:token=penguins;object=models?pin-value={PIN}&module-path={module}", keys.public
    finally:
        os.environ.pop("SOFTHSM2_CONF")
        if before is not None:
            os.environ["SOFTHSM2_CONF"] = before
