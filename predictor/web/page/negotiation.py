"""What a client accepts (RFC 9110, section 12.5), as far as the page needs to know."""

from collections.abc import Sequence

from predictor.web.responses import RawHeader


def prefers_html(headers: Sequence[RawHeader]) -> bool:
    """Whether a client would rather have `text/html` than JSON; one that says nothing of HTML would not."""
    accepted = _qualities(_value(headers, b"accept"))
    json = max(accepted.get(name, 0.0) for name in ("application/json", "application/*", "*/*"))
    return accepted.get("text/html", 0.0) > accepted.get("application/json", min(json, 0.99))


def accepts_gzip(headers: Sequence[RawHeader]) -> bool:
    return _qualities(_value(headers, b"accept-encoding")).get("gzip", 0.0) > 0


def is_current(headers: Sequence[RawHeader], etag: str) -> bool:
    """Whether the client has this representation already (`If-None-Match`)."""
    known = _value(headers, b"if-none-match")
    return any(item.strip().removeprefix("W/") in (etag, "*") for item in known.split(","))


def _value(headers: Sequence[RawHeader], wanted: bytes) -> str:
    return ",".join(value.decode("latin-1") for name, value in headers if name == wanted)


def _qualities(header: str) -> dict[str, float]:
    found = {}
    for item in header.split(","):
        name, *parameters = item.lower().split(";")
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        found[name.strip()] = quality
    return found
