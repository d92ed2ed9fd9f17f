"""The web app as an ASGI application, the way the framework calls it, with a client."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from predictor.bootstrap import App
from predictor.web import Endpoint

T = TypeVar("T")


def asgi(app: Endpoint) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        response = await app(Request(scope, receive))
        await response(scope, receive, send)

    return application


class Client:
    """Sends requests in-process and waits for the answers."""

    def __init__(self, app: App | Endpoint) -> None:
        self._transport = httpx.ASGITransport(asgi(app.web if isinstance(app, App) else app))

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://test") as client:
                return await client.request(method, path, **options)

        return run(send())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)
