"""The page's static files, made smaller when they are first served, and the headers of a safe page."""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from predictor.web.responses import RawHeader

STATIC: Final = Path(__file__).parent / "static"

HTML: Final = b"text/html; charset=utf-8"
_TYPES: Final = {
    "app.js": b"text/javascript; charset=utf-8",
    "icon.svg": b"image/svg+xml",
    "style.css": b"text/css; charset=utf-8",
}

HEADERS: Final[list[RawHeader]] = [
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
"""Of every answer for the page."""


@cache
def static_files() -> dict[str, tuple[bytes, bytes]]:
    """The files that the page loads, by name: content and media type."""
    return {
        name: (_joined(name, set()) if name.endswith(".js") else _lean(name), media_type)
        for name, media_type in _TYPES.items()
    }


_IMPORT: Final = re.compile(rb'(?m)^import .* from "\./(.+)";\n')


def _joined(name: str, before: set[str]) -> bytes:
    """A script behind all that it imports, as one module: one request, and a sixth smaller when it is compressed.

    So no two of them may have the same name at the top, and an import is one line.
    """
    before.add(name)
    script = _lean(name)
    imported = [match.decode() for match in _IMPORT.findall(script)]
    parts = [_joined(other, before) for other in imported if other not in before]
    return b"".join([*parts, re.sub(rb"(?m)^export ", b"", _IMPORT.sub(b"", script))])


def _lean(name: str) -> bytes:
    """Without indentation and comments, which have lines of their own. No string in these files goes over a line."""
    text = re.sub(rb"(?m)^ *((//|/\*).*)?\n?", b"", (STATIC / name).read_bytes())
    return re.sub(rb"([{};:,])\s", rb"\1", text) if name.endswith(".css") else text


@cache
def static_tag() -> str:
    """Stands in the address of every static file; another one for other files."""
    digest = hashlib.sha256()
    for name, (body, _) in static_files().items():
        digest.update(name.encode() + body)
    return digest.hexdigest()[:12]
