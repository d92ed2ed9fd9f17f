"""What the platform costs: a function on the same framework that reads the body and answers a constant."""

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response


@functions_framework.aio.http
async def predict(request: Request) -> Response:
    await request.body()
    return Response(b'{"prediction":"Adelie"}', media_type="application/json")
