"""A running function as its callers see it: one keep-alive connection, an identity token, answers as values.

Used by `smoke` and `agreement`, never while serving.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import requests
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from predictor.errors import FunctionUnreachable

TIMEOUT_S: Final = 30.0
"""Of one request; long enough for a cold start that loads a model."""

JSON_HEADERS: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request, and how long it took with its body."""

    status: int
    headers: Mapping[str, str]
    """Their names may be asked for in any case."""
    body: bytes
    elapsed_ms: float

    @property
    def document(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Function:
    """A function at `url`. Redirects are answers like any other, and are not followed."""

    def __init__(self, url: str, identity_token: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._session = requests.Session()
        # As an `auth` callable, since requests lets a ~/.netrc replace a plain Authorization header.
        self._session.auth = _Bearer(identity_token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def post(self, path: str, body: bytes, headers: Mapping[str, str] = JSON_HEADERS) -> Answer:
        return self._ask("POST", path, body, headers)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        started = time.perf_counter()
        try:
            response = self._session.request(
                method,
                self.url + path,
                data=body,
                headers=dict(headers or {}),
                timeout=self._timeout_s,
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise FunctionUnreachable(self.url, f"{method} {path} had no answer in {self._timeout_s:g} s") from error
        except (requests.RequestException, HTTPError) as error:  # requests lets some of urllib3's through.
            raise FunctionUnreachable(self.url, f"{method} {path} {_failure(error)}") from error
        elapsed_ms = (time.perf_counter() - started) * 1000
        return Answer(response.status_code, response.headers, response.content, elapsed_ms)


def _failure(error: Exception) -> str:
    """Why a request failed, in words where there are any."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, NameResolutionError):
        return "failed, because no such host is known; is the URL right?"
    if isinstance(reason, NewConnectionError):
        return "failed, because nothing accepts connections there; is it running, and on this port?"
    return f"failed with {type(error).__name__}"


class _Bearer(requests.auth.AuthBase):
    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request
