"""Digests as this project writes them everywhere: `sha256:` and 64 lower-case hex digits."""

import hashlib
import re
from typing import Annotated, Final

from pydantic import StringConstraints

HEX_PATTERN: Final = r"[0-9a-f]{64}"
DIGEST_PATTERN: Final = f"sha256:{HEX_PATTERN}"

Digest = Annotated[str, StringConstraints(pattern=f"^{DIGEST_PATTERN}$")]
"""`sha256:` and 64 hex digits, checked by pydantic."""
HexSha256 = Annotated[str, StringConstraints(pattern=f"^{HEX_PATTERN}$")]
"""The hex digits alone, as a manifest lists them."""


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def is_digest(text: str) -> bool:
    return re.fullmatch(DIGEST_PATTERN, text) is not None
