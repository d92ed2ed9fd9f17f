"""`GET /docs`: Swagger UI from the files in `swagger_ui/`; the page requests nothing from another host."""

from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

from predictor.web.caching import cacheable
from predictor.web.problems import PROBLEM_TYPES, HttpProblem
from predictor.web.responses import BytesResponse, RawHeader

_FOLDER: Final = Path(__file__).parent / "swagger_ui"

_FILES: Final = {
    "/docs": ("index.html", b"text/html; charset=utf-8"),
    "/docs/start.js": ("start.js", b"text/javascript; charset=utf-8"),
    "/docs/swagger-ui.css": ("swagger-ui.css", b"text/css; charset=utf-8"),
    "/docs/swagger-ui-bundle.js": ("swagger-ui-bundle.js", b"text/javascript; charset=utf-8"),
}

_HEADERS: Final[list[RawHeader]] = [
    (
        b"content-security-policy",
        # Swagger UI sets style attributes and uses inline images; scripts only ever come from here.
        b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        b" connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


def docs_response(path: str) -> BytesResponse:
    """The page or one of its files; raises `HttpProblem` (404) for any other path."""
    found = _FILES.get(path)
    if found is None:
        raise HttpProblem(HTTPStatus.NOT_FOUND, PROBLEM_TYPES[HTTPStatus.NOT_FOUND].meaning)
    name, content_type = found
    return cacheable(_read(name), content_type, _HEADERS)


@cache
def _read(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
