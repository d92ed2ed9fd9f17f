"""`main.py` with a bug: GET /model raises. Everything else works."""

import sys
from pathlib import Path

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import main as function


async def _fail(_request: Request) -> Response:
    raise RuntimeError("a bug")


function._app.web._routes["/model"] = {"GET": _fail}  # type: ignore[dict-item]


@functions_framework.aio.http
async def failing(request: Request) -> Response:
    answer: Response = await function.predict(request)  # type: ignore[misc]
    return answer
