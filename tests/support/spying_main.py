"""`main.py` with two more functions.

`spy` and `spy_score` answer as `predict` and `score` do, and list the imported modules at /modules.
"""

import sys
from pathlib import Path

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import main as function


@functions_framework.aio.http
async def spy(request: Request) -> Response:
    if request.url.path == "/modules":
        return JSONResponse(sorted(sys.modules))
    answer: Response = await function.predict(request)  # type: ignore[misc]
    return answer


@functions_framework.aio.http
async def spy_score(request: Request) -> Response:
    if request.url.path == "/modules":
        return JSONResponse(sorted(sys.modules))
    answer: Response = await function.score(request)  # type: ignore[misc]
    return answer
