import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from predictor.artifacts.local_store import LocalStore
from predictor.errors import ArtifactMissing, PublishRefused, SignatureInvalid
from predictor.publishing.signature import Identity, PublicKey, Signer, signed_digest
from tests.support.bundles import PublishedBundle
from tests.support.signing import Keys, key_in_softhsm, make_key


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_key(tmp_path_factory.mktemp("keys"), "release")


@pytest.fixture
def folder(bundle: PublishedBundle, keys: Keys, tmp_path: Path) -> Path:
    """A signed model that a test may change."""
    copy = tmp_path / "v1"
    shutil.copytree(bundle.folder, copy)
    (copy / "manifest.json.sig").write_bytes(Signer(str(keys.private))((copy / "manifest.json").read_bytes()))
    return copy


def check(folder: Path, keys: Keys) -> str:
    return signed_digest(LocalStore(folder), PublicKey(keys.public), deadline=float("inf"))


def test_a_good_signature_gives_the_digest_of_what_was_signed(
    folder: Path, keys: Keys, bundle: PublishedBundle
) -> None:
    assert check(folder, keys) == bundle.digest


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_other_curves_sign_too(folder: Path, tmp_path: Path, curve: ec.EllipticCurve, bundle: PublishedBundle) -> None:
    keys = make_key(tmp_path, "other", curve=curve)
    (folder / "manifest.json.sig").write_bytes(Signer(str(keys.private))((folder / "manifest.json").read_bytes()))
    assert check(folder, keys) == bundle.digest


def test_a_changed_manifest_is_found(folder: Path, keys: Keys) -> None:
    manifest = folder / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"accuracy":1.0', b'"accuracy":0.9').replace(b"  ", b" "))
    with pytest.raises(SignatureInvalid, match=r"manifest\.json is not the one that was signed"):
        check(folder, keys)


def test_another_key_is_named(folder: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path, "other")
    with pytest.raises(SignatureInvalid, match=r"manifest\.json\.sig was not made with .*other\.pub"):
        check(folder, other)


def test_a_hint_that_names_our_key_does_not_help(folder: Path, keys: Keys, tmp_path: Path) -> None:
    """The signature says which key made it, and that is not believed."""
    signature = folder / "manifest.json.sig"
    hint = json.loads(signature.read_text())["verificationMaterial"]["publicKey"]["hint"]
    forger = make_key(tmp_path, "forger")
    forged = json.loads(Signer(str(forger.private))((folder / "manifest.json").read_bytes()))
    forged["verificationMaterial"]["publicKey"]["hint"] = hint
    signature.write_text(json.dumps(forged))
    with pytest.raises(SignatureInvalid, match="was not made with"):
        check(folder, keys)


def test_without_a_signature_it_says_how_to_make_one(folder: Path, keys: Keys) -> None:
    (folder / "manifest.json.sig").unlink()
    with pytest.raises(SignatureInvalid, match=r"there is no manifest\.json\.sig; publish it with --sign"):
        check(folder, keys)


def test_without_a_manifest_there_is_nothing_to_check(folder: Path, keys: Keys) -> None:
    (folder / "manifest.json").unlink()
    with pytest.raises(ArtifactMissing):
        check(folder, keys)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"verificationMaterial": {}}', b"\xff\xfe", b"null"], ids=repr
)
def test_what_is_no_signature_is_refused(folder: Path, keys: Keys, content: bytes) -> None:
    (folder / "manifest.json.sig").write_bytes(content)
    with pytest.raises(SignatureInvalid, match=r"manifest\.json\.sig is not a good signature"):
        check(folder, keys)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.json.sig"])
def test_a_huge_file_is_not_read(folder: Path, keys: Keys, name: str) -> None:
    (folder / name).write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(SignatureInvalid, match=f"{name} has 1048577 bytes"):
        check(folder, keys)


def test_a_private_key_is_no_public_key(folder: Path, keys: Keys) -> None:
    with pytest.raises(SignatureInvalid, match="it is not the PEM file of an EC public key"):
        check(folder, Keys(keys.private, keys.private))


def test_a_key_that_cannot_sign_is_refused_before_anything_is_done(tmp_path: Path, keys: Keys) -> None:
    with pytest.raises(PublishRefused, match=r"cannot sign with .*gone\.pem: No such file or directory"):
        Signer(str(tmp_path / "gone.pem"))
    with pytest.raises(PublishRefused, match="it is not the PEM file of an EC private key"):
        Signer(str(keys.public))


def test_the_password_of_an_encrypted_key_comes_from_the_environment(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: PublishedBundle
) -> None:
    keys = make_key(tmp_path, "secret", password="open sesame")
    with pytest.raises(PublishRefused, match="SIGNING_KEY_PASSWORD"):
        Signer(str(keys.private))
    monkeypatch.setenv("SIGNING_KEY_PASSWORD", "wrong")
    with pytest.raises(PublishRefused, match="SIGNING_KEY_PASSWORD"):
        Signer(str(keys.private))
    monkeypatch.setenv("SIGNING_KEY_PASSWORD", "open sesame")
    (folder / "manifest.json.sig").write_bytes(Signer(str(keys.private))((folder / "manifest.json").read_bytes()))
    assert check(folder, keys) == bundle.digest


def test_a_key_in_a_pkcs11_module_signs(folder: Path, tmp_path: Path, bundle: PublishedBundle) -> None:
    with key_in_softhsm(tmp_path) as (uri, public):
        (folder / "manifest.json.sig").write_bytes(Signer(uri)((folder / "manifest.json").read_bytes()))
        assert check(folder, Keys(public, public)) == bundle.digest


def test_the_pin_in_a_uri_is_not_shown() -> None:
    with pytest.raises(PublishRefused) as caught:
        Signer("pkcs11:token=nowhere;object=models?pin-value=1234")
    assert "pkcs11:token=nowhere;object=models" in str(caught.value)
    assert "1234" not in str(caught.value)


def test_keyless_without_a_network_says_that_it_needs_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # Where nobody listens.
    monkeypatch.setenv("HOME", str(tmp_path))  # No trust root that was fetched before.
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    with pytest.raises(PublishRefused, match=r"cannot sign with keyless: .*; keyless signatures need the network"):
        Signer("keyless")
    trusted = Identity("a@example.org", "https://issuer.example.org")
    with pytest.raises(SignatureInvalid, match=r"with a@example\.org .*; keyless signatures need the network"):
        signed_digest(LocalStore(folder), trusted, deadline=float("inf"))
