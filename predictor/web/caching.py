"""Answers that a client may keep and ask for again: with an `ETag`, and 304 for a client that has it already."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from predictor.web.responses import BytesResponse, RawHeader

_REVALIDATE: Final = (b"cache-control", b"no-cache")  # Which means: keep it, and ask whether it is still the same.
_FOR_EVER: Final = (b"cache-control", b"max-age=31536000, immutable")


def cacheable(
    body: bytes, content_type: bytes, headers: Sequence[RawHeader] = (), *, immutable: bool = False
) -> BytesResponse:
    """An answer to GET with a tag that stays as long as its body does.

    `immutable`: its address has a hash of it, so nobody need ask again.
    """
    response = BytesResponse(body, content_type, headers=headers)
    response.etag = _etag(body)
    keep = _FOR_EVER if immutable else _REVALIDATE
    response.raw_headers += [(b"etag", response.etag), keep, (b"vary", b"Accept-Encoding")]
    return response


def is_known(etag: bytes, request_headers: Sequence[RawHeader]) -> bool:
    """Whether the client has it already: `If-None-Match` (RFC 9110, section 13.1.2)."""
    for name, value in request_headers:
        if name == b"if-none-match":
            tags = [tag.strip().removeprefix(b"W/") for tag in value.split(b",")]
            return value == b"*" or etag.removeprefix(b"W/") in tags
    return False


def not_modified(response: BytesResponse) -> BytesResponse:
    """The answer without its body."""
    return BytesResponse(b"", b"", 304, [header for header in response.raw_headers if header[0] in _KEPT])


_KEPT: Final = (b"etag", b"cache-control", b"vary")


@lru_cache(maxsize=16)
def _etag(body: bytes) -> bytes:
    # Weak, because the same tag stands for the compressed forms too.
    return b'W/"%b"' % hashlib.sha256(body).hexdigest()[:32].encode()
