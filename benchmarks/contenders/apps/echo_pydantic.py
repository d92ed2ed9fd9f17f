"""What the platform and pydantic cost together: `echo`, which also imports what this function checks requests with."""

import functions_framework.aio
from pydantic import BaseModel, ConfigDict, Field, ValidationError  # noqa: F401
from starlette.requests import Request
from starlette.responses import Response


@functions_framework.aio.http
async def predict(request: Request) -> Response:
    await request.body()
    return Response(b'{"prediction":"Adelie"}', media_type="application/json")
