"""The form as browsers without JavaScript post it: to the same document that a caller of the API sends."""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request

from predictor.schema import FEATURES, MEASUREMENTS
from predictor.web.body import read_body
from predictor.web.problems import HttpProblem

_MAX_BYTES: Final = 16 * 1024
_TYPE: Final = b"application/x-www-form-urlencoded"


async def read_form(request: Request) -> dict[str, Any]:
    """The values by field, numbers as numbers where they are; raises `HttpProblem` (413, 415)."""
    headers = dict(request.scope["headers"])
    if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != _TYPE:
        raise HttpProblem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This path takes the form of the page; use /predict.")
    body = await read_body(request, _MAX_BYTES)
    given = parse_qs(body.decode("utf-8", "replace"))
    return {name: _value(name, values[-1]) for name, values in given.items() if name in FEATURES}


def _value(name: str, text: str) -> str | float:
    if name not in MEASUREMENTS:
        return text
    try:
        return float(text)
    except ValueError:
        return text
