import pytest
from pydantic import TypeAdapter, ValidationError

from predictor.digest import Digest, HexSha256, digest_of, is_digest

GOOD = "sha256:" + "0a" * 32


def test_a_digest_is_that_of_the_published_algorithm() -> None:
    # FIPS 180-4's example.
    assert digest_of(b"abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert is_digest(digest_of(b""))


@pytest.mark.parametrize(
    "text",
    ["", "sha256:", "0a" * 32, GOOD[:-1], GOOD + "0", GOOD.upper(), "md5:" + "0a" * 32, GOOD + "\n", " " + GOOD],
)
def test_everything_else_is_none(text: str) -> None:
    assert not is_digest(text)
    with pytest.raises(ValidationError):
        TypeAdapter(Digest).validate_python(text)


def test_pydantic_accepts_what_is_digest_accepts() -> None:
    assert TypeAdapter(Digest).validate_python(GOOD) == GOOD
    assert TypeAdapter(HexSha256).validate_python("0a" * 32) == "0a" * 32
    with pytest.raises(ValidationError):
        TypeAdapter(HexSha256).validate_python(GOOD)
