"""Cross-origin answers: for the origins that the settings allow, no others."""

import pytest

from predictor.bootstrap import build
from predictor.settings import Settings
from predictor.web.cors import Cors
from tests.support.asgi import Client
from tests.support.bundles import PublishedBundle

ORIGIN = "https://penguins.example"


@pytest.fixture
def client(bundle: PublishedBundle) -> Client:
    return Client(build(Settings(model_uri=str(bundle.folder), cors_origins=(ORIGIN,))))


def test_an_allowed_origin_may_read_answers_and_problems(client: Client) -> None:
    for path, status in (("/health", 200), ("/nope", 404)):
        response = client.get(path, headers={"Origin": ORIGIN})
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert response.headers["vary"] == "Origin"


def test_an_allowed_origin_may_read_our_own_headers(client: Client) -> None:
    exposed = client.get("/health", headers={"Origin": ORIGIN}).headers["access-control-expose-headers"]
    assert exposed == "Model-Version, Server-Timing, Retry-After, X-Request-Id"


def test_another_origin_may_not(client: Client) -> None:
    response = client.get("/health", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["vary"] == "Origin"


def test_without_an_origin_caches_still_learn_that_answers_vary(client: Client) -> None:
    response = client.get("/health")
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["vary"] == "Origin"


def test_a_preflight_is_answered(client: Client) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    response = client.request("OPTIONS", "/predict", headers=headers)
    assert response.status_code == 204
    assert response.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert "Content-Type" in response.headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"origin", ORIGIN.encode())],
        [(b"origin", b"https://evil.example"), (b"access-control-request-method", b"POST")],
        [(b"access-control-request-method", b"POST")],
    ],
)
def test_what_is_no_preflight_from_an_allowed_origin_permits_nothing(headers: list[tuple[bytes, bytes]]) -> None:
    assert Cors([ORIGIN]).preflight_headers(headers, "POST, OPTIONS") == []


def test_without_the_setting_there_is_no_trace_of_it(bundle: PublishedBundle) -> None:
    headers = Client(build(Settings(model_uri=str(bundle.folder)))).get("/health", headers={"Origin": ORIGIN}).headers
    assert not [name for name in headers if name.startswith("access-control") or name == "vary"]
