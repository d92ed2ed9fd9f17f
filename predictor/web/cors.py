"""Cross-origin answers (the Fetch standard's CORS protocol) for the origins that the settings allow, no others."""

from collections.abc import Sequence
from typing import Final

from predictor.web.responses import RawHeader

_EXPOSED: Final = b"Model-Version, Server-Timing, Retry-After, X-Request-Id"
_ONE_HOUR: Final = b"3600"


class Cors:
    """The origins that may call from a page."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, request_headers: Sequence[RawHeader]) -> list[RawHeader]:
        """What to add to any answer to this request."""
        origin = _get(request_headers, b"origin")
        if origin is None or origin not in self._origins:
            return [(b"vary", b"Origin")]
        return [
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
        ]

    def preflight_headers(self, request_headers: Sequence[RawHeader], methods: str) -> list[RawHeader]:
        """What to add to the answer to `OPTIONS`; empty unless it is a preflight from an allowed origin."""
        origin = _get(request_headers, b"origin")
        if origin not in self._origins or _get(request_headers, b"access-control-request-method") is None:
            return []
        return [
            (b"access-control-allow-methods", methods.encode()),
            (b"access-control-allow-headers", b"Content-Type, Content-Encoding, Authorization, X-Request-Id"),
            (b"access-control-max-age", _ONE_HOUR),
        ]


def _get(headers: Sequence[RawHeader], wanted: bytes) -> bytes | None:
    return next((value for name, value in headers if name == wanted), None)
