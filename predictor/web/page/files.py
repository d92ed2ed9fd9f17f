"""Answers of the page: its static files and what is made of them, compressed once, with the headers of a safe page."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from predictor.web.page.negotiation import accepts_gzip, is_current
from predictor.web.responses import BytesResponse, RawHeader

STATIC: Final = Path(__file__).parent / "static"

HTML: Final = b"text/html; charset=utf-8"
_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".svg": b"image/svg+xml",
}

_SAFE: Final[list[RawHeader]] = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        b" form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
_ALWAYS_ASK: Final = b"no-cache"
_FOR_EVER: Final = b"max-age=31536000, immutable"


@dataclass(frozen=True)
class Representation:
    """Bytes that many clients get, and their entity tag."""

    body: bytes
    content_type: bytes
    varies: bytes = b"Accept-Encoding"

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.body, 9, mtime=0)

    def response(
        self, request_headers: list[RawHeader], *, immutable: bool = False, status: int = 200
    ) -> BytesResponse:
        """The answer to one request: 304 if the client has it, compressed if the client can unpack that."""
        headers = [
            *_SAFE,
            (b"cache-control", _FOR_EVER if immutable else _ALWAYS_ASK),
            (b"etag", self.etag.encode()),
            (b"vary", self.varies),
        ]
        if status == 200 and is_current(request_headers, self.etag):
            response = BytesResponse(b"", self.content_type, 304)
            response.raw_headers = headers  # Without a length, which would be that of the whole.
            return response
        if accepts_gzip(request_headers):
            return BytesResponse(self.compressed, self.content_type, status, [*headers, (b"content-encoding", b"gzip")])
        return BytesResponse(self.body, self.content_type, status, headers)


@cache
def static_files() -> dict[str, Representation]:
    """The files that the page loads, by name."""
    bodies = {"app.js": _joined("app.js", set()), **{name: _lean(name) for name in ("style.css", "icon.svg")}}
    return {name: Representation(body, _TYPES[Path(name).suffix]) for name, body in bodies.items()}


def _joined(name: str, before: set[str]) -> bytes:
    """A script behind all that it imports, as one module: one request, and a sixth smaller when it is compressed.

    So no two of them may have the same name at the top, and an import is one line.
    """
    before.add(name)
    script = _lean(name)
    imported = [match.decode() for match in _IMPORT.findall(script)]
    parts = [_joined(other, before) for other in imported if other not in before]
    return b"".join([*parts, re.sub(rb"(?m)^export ", b"", _IMPORT.sub(b"", script))])


_IMPORT: Final = re.compile(rb'(?m)^import .* from "\./(.+)";\n')


def _lean(name: str) -> bytes:
    """Without indentation and comments, which have lines of their own. No string in these files goes over a line."""
    text = re.sub(rb"(?m)^ *((//|/\*).*)?\n?", b"", (STATIC / name).read_bytes())
    return re.sub(rb"([{};:,]) ", rb"\1", text) if name.endswith(".css") else text


@cache
def static_tag() -> str:
    """Stands in the address of every static file, so that modules find one another by relative names."""
    digest = hashlib.sha256()
    for name, file in static_files().items():
        digest.update(name.encode() + file.body)
    return digest.hexdigest()[:12]
