"""An endpoint as an ASGI application, the way the framework calls it, and a client for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from predictor.bootstrap import App
from predictor.web import Admission, Endpoint, RequestLimits

T = TypeVar("T")


LIMITS = RequestLimits(max_body_bytes=1024**2, max_instances=1000, max_explanations=20, max_stream_bytes=32 * 1024**2)
"""The usual ones."""


def plenty() -> Admission:
    """Limits that no test reaches."""
    return Admission(max_requests=10**6, max_bytes=10**9, timeout_s=60.0)


def asgi(endpoint: Endpoint) -> ASGIApp:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive))
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


def problem_of(response: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document (RFC 9457) of an answer that must be one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert set(document) <= {"type", "title", "status", "detail", "instance", "errors"}
    assert document["instance"] == f"urn:penguin-predictor:request:{response.headers['x-request-id']}"
    return document
