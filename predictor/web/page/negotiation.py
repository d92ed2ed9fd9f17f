"""Who gets a page: what a client accepts (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence

from predictor.web.responses import RawHeader


def prefers_html(headers: Sequence[RawHeader]) -> bool:
    """Whether a client would rather have `text/html` than JSON; one that says nothing of HTML would not."""
    accepted = _qualities(b",".join(value for name, value in headers if name == b"accept").decode("latin-1"))
    html = accepted.get("text/html", 0.0)
    json = accepted.get("application/json", accepted.get("application/*"))
    if json is not None:
        return html > json
    return html > 0 and html >= accepted.get("*/*", 0.0)


def _qualities(header: str) -> dict[str, float]:
    found = {}
    for item in header.lower().split(","):
        name, *parameters = item.split(";")
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
